FROM base:1
HEALTHCHECK --interval=1us CMD x
