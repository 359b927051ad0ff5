FROM base:1
COPY --link=yes a /b
