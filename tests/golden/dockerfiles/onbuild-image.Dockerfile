FROM base:1 AS tools
RUN tools
FROM onbuild:1
RUN own
