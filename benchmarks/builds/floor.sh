#!/bin/bash
# Bare tools, one after another: what a build has to do at the least when nothing overlaps.
#
#   floor.sh FOLDER REGISTRY BASE TARGET CONTEXT GZIP [run SCRIPT PATH | copy SOURCE PATH]...
#
# BASE and TARGET are repositories of the REGISTRY (host:port, plain HTTP), both with the tag latest. The base
# is one that skopeo pushed from an OCI layout: its manifest names the config first. GZIP is igzip or gzip.
# Each step becomes a layer of PATH. Prints a line "PART NANOSECONDS" for each piece of work.
set -euo pipefail
folder=$1 registry=$2 base=$3 target=$4 context=$5 gzip=$6
shift 6
root=$folder/root
last=$(date +%s%N)

told() {
    local now
    now=$(date +%s%N)
    echo "$1 $((now - last))"
    last=$now
}

digest() { sha256sum "$1" | cut -d' ' -f1; }

upload() { # FILE HEX
    local place
    place=$(curl -sSf -D - -o /dev/null -X POST "http://$registry/v2/$target/blobs/uploads/" |
        tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -sSf -o /dev/null -H 'Expect:' -T "$1" "$place&digest=sha256:$2"
}

skopeo copy --quiet --src-tls-verify=false "docker://$registry/$base:latest" "dir:$folder/base"
told pull

mkdir "$root"
mapfile -t named < <(grep -o 'sha256:[0-9a-f]*' "$folder/base/manifest.json" | cut -d: -f2)
for layer in "${named[@]:1}"; do
    "$gzip" -dc < "$folder/base/$layer" | tar -x -C "$root" --numeric-owner
done
told untar

diff_ids=$(grep -o '"diff_ids": *\[[^]]*' "$folder/base/${named[0]}" | grep -o 'sha256:[0-9a-f]*' | tr '\n' ' ')
layers=""
for layer in "${named[@]:1}"; do
    layers+=" $layer:$(stat -c %s "$folder/base/$layer")"
done
number=0
while [ $# -gt 0 ]; do
    kind=$1 what=$2 path=$3
    shift 3
    number=$((number + 1))
    if [ "$kind" = run ]; then
        unshare --mount --propagation=private sh -ec \
            'mount --rbind /dev "$1/dev"; exec chroot "$1" sh -c "$2"' sh "$root" "$what"
    else
        cp -a "$context/$what" "$root/$path"
    fi
    told run
    tar -C "$root" --numeric-owner -cf "$folder/$number.tar" "$path"
    told tar
    diff_ids+="sha256:$(digest "$folder/$number.tar") "
    told hash
    "$gzip" -1 -c < "$folder/$number.tar" > "$folder/$number.tar.gz"
    told compress
    hex=$(digest "$folder/$number.tar.gz")
    layers+=" $hex:$(stat -c %s "$folder/$number.tar.gz")"
    told hash
    upload "$folder/$number.tar.gz" "$hex"
    told upload
done

for layer in "${named[@]:1}"; do
    curl -sSf -o /dev/null -X POST "http://$registry/v2/$target/blobs/uploads/?mount=sha256:$layer&from=$base"
done
listed=$(printf '"%s",' $diff_ids)
printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${listed%,}" \
    > "$folder/config"
config=$(digest "$folder/config")
upload "$folder/config" "$config"
type=application/vnd.oci.image
listed=""
for layer in $layers; do
    listed+="{\"mediaType\":\"$type.layer.v1.tar+gzip\",\"digest\":\"sha256:${layer%:*}\",\"size\":${layer#*:}},"
done
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json",%s},%s}' \
    "$type" "$type" "\"digest\":\"sha256:$config\",\"size\":$(stat -c %s "$folder/config")" \
    "\"layers\":[${listed%,}]" > "$folder/manifest"
curl -sSf -o /dev/null -H "Content-Type: $type.manifest.v1+json" -T "$folder/manifest" \
    "http://$registry/v2/$target/manifests/latest"
told push
