FROM base:1 AS one
FROM base:1
COPY --from=7 a /b
