FROM base:1
RUN <<EOF
one
 EOF
RUN x
