FROM base:1
ENV http_proxy=from-env
RUN one
ARG HTTPS_PROXY
RUN two
