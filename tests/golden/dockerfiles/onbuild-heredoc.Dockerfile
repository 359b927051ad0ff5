FROM base:1 AS parent
ONBUILD RUN <<EOF
echo in heredoc
EOF
FROM parent
