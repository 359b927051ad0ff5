FROM base:1
ENV =x
