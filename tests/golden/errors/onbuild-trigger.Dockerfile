FROM base:1 AS parent
ONBUILD COPY a
FROM parent
RUN x
