FROM base:1
COPY --link --link=false a /b
