FROM base:1 AS one
CMD run me
ENTRYPOINT me too
HEALTHCHECK CMD not me
FROM base:1 AS two
SHELL ["/bin/sh", "-ec"]
CMD the shell is meant
FROM base:1 AS three
CMD ["good"]
