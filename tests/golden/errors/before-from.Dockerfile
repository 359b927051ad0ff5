ARG A=1
RUN x
FROM base:1
