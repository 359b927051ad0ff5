FROM base:1 AS one
USER $first
COPY $foo .
USER $never_reached
FROM one
USER $second
