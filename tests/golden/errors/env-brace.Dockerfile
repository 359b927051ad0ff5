FROM base:1
ENV A=${B
