FROM base:1
RUN --mount=type=cache,target=/x \
  make
