FROM base:1 AS src
RUN replaced
FROM tools
COPY --from=assets /a /b
COPY --from=src /c /d
COPY --from=docker.io/library/debian:latest /e /f
