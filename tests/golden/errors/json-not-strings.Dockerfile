FROM base:1
CMD ["a", 1]
