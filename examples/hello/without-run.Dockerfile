# The same without a RUN: for surroundings in which no command can be run in another root file system.
FROM scratch AS files
COPY names.txt /usr/share/hello/greetings.txt
COPY --chmod=755 hello.sh /usr/bin/hello

FROM base
COPY --from=files / /
ENV HELLO=/usr/share/hello
USER 1000:1000
ENTRYPOINT ["/usr/bin/hello"]
