FROM base:1
COPY --form=x a b
