FROM --platform=$TARGETPLATFORM base:1
FROM --platform=${TARGETPLATFORM:-linux/arm64} base:1
FROM --platform=$BUILDPLATFORM base:1
FROM --platform=$TARGETOS/$TARGETARCH base:1
