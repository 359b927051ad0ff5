FROM base:1 AS one
RUN first
FROM one AS one
RUN second
FROM one
RUN third
