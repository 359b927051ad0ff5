FROM base:1
ADD https://github.com/moby/buildkit.git#v1 /src
