FROM base:1
RUN --security=insecure x
