# a comment
ARG VERSION=1
FROM base:1
