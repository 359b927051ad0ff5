FROM base:1
ENV A=abc B=${A#\q}
