FROM base:1
COPY --exclude a /b
