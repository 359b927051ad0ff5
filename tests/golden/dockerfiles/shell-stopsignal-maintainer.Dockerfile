FROM base:1
MAINTAINER  Some One   <some@example.com>
STOPSIGNAL SIGTERM
STOPSIGNAL 9
STOPSIGNAL rtmin+3
SHELL ["/bin/bash", "-c"]
CMD echo
