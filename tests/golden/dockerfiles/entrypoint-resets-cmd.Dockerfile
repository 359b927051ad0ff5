FROM base:1
ENTRYPOINT ["/entry"]
