arg X=1
FROM base:1
run one
RUN two
Run three
ONBUILD run four
