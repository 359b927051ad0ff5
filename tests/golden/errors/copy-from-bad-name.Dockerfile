FROM base:1
COPY --from=Not/An:Image:x a /b
