FROM base:1
ARG S=x
COPY --from=$S a /b
