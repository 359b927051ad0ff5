FROM base:1
COPY --parents a /b
