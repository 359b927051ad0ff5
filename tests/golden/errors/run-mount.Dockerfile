FROM busybox
RUN --mount=type=cache,taget=/root/.cache pip install .
