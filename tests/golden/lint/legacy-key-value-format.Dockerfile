FROM base:1
ENV one two
LABEL three four=five
ENV good=1 "also good"=2
