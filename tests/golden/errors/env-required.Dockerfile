FROM base:1
ARG TOKEN
ENV A="${TOKEN:?give --build-arg TOKEN}"
