FROM base:1
ENTRYPOINT ["/entry"]
CMD ["x"]
ENTRYPOINT []
