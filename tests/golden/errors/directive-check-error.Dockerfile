# check=skip=all;error=maybe
FROM base:1
