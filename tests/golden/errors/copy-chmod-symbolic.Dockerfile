FROM base:1
COPY --chmod=u+x a /b
