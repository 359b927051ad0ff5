FROM base:1
ENV A=val
COPY <<EOF /plain
$A "${A}" '$A' \$A \\
EOF
COPY <<'EOF' <<-SECOND a.txt /dir/
$A
EOF
		tabs $A
	SECOND
COPY --chmod=755 --chown=1:2 <<EOF run.sh
#!/bin/sh
EOF
ADD <<EOF /added
added
EOF
