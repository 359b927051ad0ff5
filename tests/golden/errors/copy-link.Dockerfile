FROM base:1
COPY --link a /b
