FROM base:1 AS one
FROM base:1 AS two
COPY ignored /x
COPY a.tmp good ./ignored/below /x/
ADD /ignored /x
ADD https://example.com/ignored /x
COPY --from=one ignored /x
COPY <<ignored /x
body
ignored
