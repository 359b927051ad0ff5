FROM --platform=linux/amd64 base:1
FROM --platform=linux/amd64 base:1 AS build-amd64
FROM --platform=linux/amd64 base:1 AS linux
FROM --platform=$BUILDPLATFORM base:1
