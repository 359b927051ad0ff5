FROM base:1
COPY --chmod=888 a /b
