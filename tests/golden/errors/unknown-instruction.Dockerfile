FROM base:1

COYP a b
RUN x
