ARG BASE=base
ARG TAG=1
FROM ${BASE}:${TAG} AS Deps
RUN deps
FROM deps AS build
COPY --from=deps /x /x
FROM base:1 AS unused
RUN never
FROM scratch AS empty
FROM build AS Final-Stage_1.0
COPY --from=empty / /
