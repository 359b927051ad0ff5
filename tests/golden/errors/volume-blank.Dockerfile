FROM base:1
VOLUME [""]
