ARG VERSION
ARG TAG=1
FROM base:${TAGG:-1}
FROM --platform=${BUILDPLATFORMS:-linux/amd64} base:1
FROM --platform=${TARGETPLATFORM} base:${VERSION:-1}
