from base:1
run one
RUN two
