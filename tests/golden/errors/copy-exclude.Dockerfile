FROM base:1
COPY --exclude=*.o a /b
