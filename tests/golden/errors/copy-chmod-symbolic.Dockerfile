FROM base:1
COPY --chmod=u+q a /b
