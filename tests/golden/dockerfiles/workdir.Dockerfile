FROM base:1
WORKDIR one
WORKDIR /abs
USER app
WORKDIR rel/dir
WORKDIR ../up
ENV D=/dollar
WORKDIR $D/x
WORKDIR "/quoted path"
WORKDIR /
WORKDIR .
