FROM base:1 AS one
WORKDIR app
WORKDIR relative/to/it
FROM one
WORKDIR more
FROM base:1
WORKDIR /abs
WORKDIR app
FROM scratch
ENV D=dir
WORKDIR $D
