# check=experimental=InvalidDefinitionDescription
# not a description
ARG VERSION=1
# VERSION2 describes it
ARG VERSION2=1

# not meant for it

ARG VERSION3=1
# not meant either
#
ARG VERSION4=1
# not a description
FROM base:1 AS one
# two builds everything
FROM base:1 AS two
# without a name it can be anything
FROM base:1
# both
ARG a b
