FROM --platform=$BUILDPLATFORM base:1 AS build
ARG TARGETARCH
RUN GOARCH=$TARGETARCH make
FROM --platform=linux/arm64 base:1 AS other
FROM base:1
COPY --from=build /out /out
