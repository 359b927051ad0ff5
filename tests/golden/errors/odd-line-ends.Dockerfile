FROM base:1
RUN ab
# c d
ENV x
