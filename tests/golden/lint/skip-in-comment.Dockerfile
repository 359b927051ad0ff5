FROM base:1 AS one
# Why this is well: it is a test.
# check=skip=JSONArgsRecommended
CMD echo
# check=skip=JSONArgsRecommended

CMD echo
# check=skip=MultipleInstructionsDisallowed
CMD echo
# check=nonsense
MAINTAINER me
# check=experimental=InvalidDefinitionDescription
ARG X
