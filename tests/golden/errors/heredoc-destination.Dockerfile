FROM base:1
COPY a <<EOF
x
EOF
