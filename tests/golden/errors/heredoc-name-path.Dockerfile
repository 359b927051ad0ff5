FROM base:1
COPY <<../x /dir/
body
../x
