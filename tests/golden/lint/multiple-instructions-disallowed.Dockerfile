FROM base:1
CMD ["one"]
CMD ["two"]
ENTRYPOINT ["one"]
HEALTHCHECK NONE
CMD ["three"]
HEALTHCHECK CMD ["x"]
FROM base:1
CMD ["one"]
