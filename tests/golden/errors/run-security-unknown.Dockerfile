FROM base:1
RUN --security=secure x
