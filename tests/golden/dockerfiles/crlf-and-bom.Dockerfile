FROM base:1
# comment
RUN one \
  # inner

  two
ENV A=1
