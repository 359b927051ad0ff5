FROM base:1
COPY git@example.com:a/b.git /b
