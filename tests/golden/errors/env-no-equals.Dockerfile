FROM base:1
ENV A=1 B
