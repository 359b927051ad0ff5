FROM base:1
RUN last \