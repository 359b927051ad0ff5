FROM base:1
ARG COMMIT=0123456789abcdef0123456789abcdef01234567
ADD https://github.com/moby/buildkit.git#v1:sub /src
ADD --keep-git-dir git@example.com:a/b.git /src/
ADD --keep-git-dir=false https://example.com/~a/b#main /src
ADD --checksum=$COMMIT https://user:secret@example.com/x.git?branch=main /src
ADD --chown=1 --chmod=go-w a.tar git://example.com/x https://example.com/y.tgz b /all/
ADD --unpack=true https://example.com/y.tgz /y
ADD --unpack=false a.tar.gz /z/
ADD --link --exclude=*.md a.tar github.com/a/b.git file:///etc/x.git /w/
