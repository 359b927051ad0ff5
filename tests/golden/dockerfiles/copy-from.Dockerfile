FROM base:1 AS build
RUN make
FROM build AS test
RUN test
FROM scratch
COPY --from=build /out /out
COPY --from=0 /a /b
COPY --from=tools:2 /bin/tool /bin/
COPY --from=BUILD --chown=1 /x /y
