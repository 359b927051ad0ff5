FROM base:1
ADD --from=x a /b
