FROM base:1
RUN --device=gpu x
