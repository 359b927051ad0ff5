FROM base:1
RUN echo "a  b"   $HOME
RUN ["/bin/echo", "a b", "$HOME"]
RUN ["/bin/echo", 'single'] is shell
RUN [ -f /x ] || true
RUN --network=none true
RUN --network=host --security=sandbox true
SHELL ["/bin/sh", "-ec"]
RUN echo with shell
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN ["/bin/true"]
RUN a | b
