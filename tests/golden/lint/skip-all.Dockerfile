# check=skip=all;experimental=all
FROM base:1 AS Builder
# prose above an ARG
ARG x
CMD echo
