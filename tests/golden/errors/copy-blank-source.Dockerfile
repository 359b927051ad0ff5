FROM base:1
COPY $NONE /b
