FROM base:1
COPY --unpack a /b
