FROM base:1
MAINTAINER Ann <ann@example.com>
