# check=skip=StageNameCasing, JSONArgsRecommended
FROM base:1 AS Builder
CMD echo
MAINTAINER me
