FROM base:1
COPY --from x a b
