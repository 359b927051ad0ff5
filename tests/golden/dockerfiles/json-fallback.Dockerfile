FROM base:1
CMD ["a", "b"
CMD ['a']
CMD [NaN]
VOLUME ["/a", '/b']
COPY ["a" "b"]
ENTRYPOINT ["a",]
