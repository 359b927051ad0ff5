FROM base:1
COPY << EOF /x
body
EOF
