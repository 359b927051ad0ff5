# check=skip=all;error=true
FROM base:1
