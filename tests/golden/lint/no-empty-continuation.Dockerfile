FROM base:1
RUN echo \

  one \
  # a comment is none

  two
RUN echo \
  # only a comment
  good
RUN <<EOF

blank lines of a heredoc are none
EOF
