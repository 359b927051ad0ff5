FROM base:1
# final A comment
#
RUN echo # no comment here
RUN echo \
# gone
  "# kept"
