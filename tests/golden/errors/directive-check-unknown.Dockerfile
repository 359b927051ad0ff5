# check=skip=all;warn=true
FROM base:1
