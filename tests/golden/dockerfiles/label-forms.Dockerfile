FROM base:1
LABEL a=b "c d"="e f" multi="one \
two" from=mine
LABEL legacy some text
LABEL org.example/x.y=z
