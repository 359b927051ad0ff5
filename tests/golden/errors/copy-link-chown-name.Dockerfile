FROM base:1
COPY --link --chown=app:1 a /b
