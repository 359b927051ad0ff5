FROM base:1
RUN one &&
  two
