FROM base:1
COPY --chmod=u+x,,g+x a /b
