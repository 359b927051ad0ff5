FROM base:1
COPY --chmod=$BASE a /b
