FROM base:1
RUN ["x"] && y
CMD ["x"] # no comment
