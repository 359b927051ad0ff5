"""RUN: its process, and what it may do to the files."""

from __future__ import annotations

from tests.conformance.case import Case

CASES = (
    Case(
        name="run-shell-form",
        dockerfile="""\
FROM busybox
RUN echo $((1 + 1)) > /two
""",
    ),
    Case(
        name="run-exec-form",
        dockerfile="""\
FROM busybox
RUN ["/bin/sh", "-c", "echo \\"$0\\" $# > /x", "zero"]
""",
    ),
    Case(
        name="run-exec-form-searches-path",
        dockerfile="""\
FROM busybox
ENV X=1
RUN ["touch", "/$X"]
""",
    ),
    Case(
        name="run-environment",
        dockerfile="""\
FROM busybox
ENV A=1 B='two words'
ARG C=3
RUN env | grep -v -e HOSTNAME | sort > /env
""",
    ),
    Case(
        name="run-home-of-a-user",
        dockerfile="""\
FROM busybox
USER worker
RUN echo $HOME > /tmp/h; env | grep -v HOSTNAME | sort > /tmp/e
""",
    ),
    Case(
        name="run-home-set-by-env",
        dockerfile="""\
FROM busybox
ENV HOME=/elsewhere
USER worker
RUN echo $HOME > /tmp/h
""",
    ),
    Case(
        name="run-working-folder",
        dockerfile="""\
FROM busybox
RUN pwd > /tmp/1
WORKDIR /a/b
RUN pwd > /tmp/2; pwd -P > /tmp/3
""",
    ),
    Case(
        name="run-standard-input-is-empty",
        dockerfile="""\
FROM busybox
RUN cat > /input; wc -c < /input > /count
""",
    ),
    Case(
        name="run-umask",
        dockerfile="""\
FROM busybox
RUN umask > /tmp/u; touch /f; mkdir /d
""",
    ),
    Case(
        name="run-that-fails",
        dockerfile="""\
FROM busybox
RUN echo before; exit 7
RUN echo never
""",
        fails="7",
    ),
    Case(
        name="run-exec-form-not-found",
        dockerfile="""\
FROM busybox
RUN ["/no/such/program"]
""",
        fails="program",
    ),
    Case(
        name="run-continuation-and-comments",
        dockerfile="""\
FROM busybox
RUN echo one > /x \\
  # a comment
  && echo two \\

  >> /x
""",
    ),
    Case(
        name="run-changes-nothing",
        dockerfile="""\
FROM busybox
RUN true
RUN echo x > /x
""",
    ),
    Case(
        name="run-finds-the-root-directory-as-usual",
        dockerfile="""\
FROM busybox
RUN chown 5:6 / && chmod 711 / && touch /a
RUN stat -c "%a %u %g" / > /b
WORKDIR /c
USER 5
RUN touch /d || true
USER root
RUN stat -c "%a %u %g" / > /e
""",
    ),
    Case(
        name="run-has-a-home-where-that-is-empty",
        dockerfile="""\
FROM busybox
ENV HOME=
RUN echo "$HOME" > /x
USER daemon
RUN echo "$HOME" > /tmp/x
""",
    ),
    Case(
        name="run-removes-a-file-of-the-base",
        dockerfile="""\
FROM busybox
RUN rm /etc/motd
""",
    ),
    Case(
        name="run-removes-one-of-two-hard-links",
        dockerfile="""\
FROM busybox
RUN rm /usr/lib/first
""",
    ),
    Case(
        name="run-removes-a-folder",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/a /d/s/b
RUN rm -r /d
""",
    ),
    Case(
        name="run-removes-and-recreates-a-folder",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/a /d/s/b
RUN rm -r /d && mkdir /d && touch /d/c
""",
    ),
    Case(
        name="run-recreates-a-folder-within",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s/t && touch /d/s/t/b
RUN rm -r /d/s && mkdir -p /d/s/t
""",
    ),
    Case(
        name="run-replaces-a-folder-by-a-file",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/s/b
RUN rm -r /d && echo file > /d
""",
    ),
    Case(
        name="run-replaces-a-folder-by-a-symlink",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/s/b
RUN rm -r /d && ln -s /etc /d
""",
    ),
    Case(
        name="run-replaces-a-file-by-a-folder",
        dockerfile="""\
FROM busybox
RUN rm /etc/motd && mkdir /etc/motd && touch /etc/motd/x
""",
    ),
    Case(
        name="run-replaces-a-file-by-a-symlink",
        dockerfile="""\
FROM busybox
RUN ln -sf passwd /etc/motd
""",
    ),
    Case(
        name="run-changes-a-symlink",
        dockerfile="""\
FROM busybox
RUN ln -s a /l && ln -s b /m
RUN ln -sfn c /l && chown -h 1000:100 /m
""",
    ),
    Case(
        name="run-appends",
        dockerfile="""\
FROM busybox
RUN echo more >> /etc/motd
""",
    ),
    Case(
        name="run-rewrites-same-size-and-time",
        dockerfile="""\
FROM busybox
RUN printf 'FROM the base\\n' > /etc/motd && touch -d @1600000000 /etc/motd
""",
    ),
    Case(
        name="run-chmod-only",
        dockerfile="""\
FROM busybox
RUN chmod 600 /etc/motd && chmod 700 /home
""",
    ),
    Case(
        name="run-chown-recursively",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/a /d/s/b && ln -s a /d/l
RUN chown -R worker:staff /d
""",
    ),
    Case(
        name="run-setuid-and-chown",
        dockerfile="""\
FROM busybox
RUN cp /bin/busybox /s && chown worker:staff /s && chmod 6711 /s
""",
    ),
    Case(
        name="run-sticky-and-setgid-folders",
        dockerfile="""\
FROM busybox
RUN mkdir /a /b && chmod 1777 /a && chmod 2775 /b && chgrp staff /b && touch /b/x
""",
    ),
    Case(
        name="run-renames",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && touch /d/s/a
RUN mv /d /e && mv /etc/motd /etc/dtom
""",
    ),
    Case(
        name="run-hard-links-in-one-layer",
        dockerfile="""\
FROM busybox
RUN echo x > /a && ln /a /b && mkdir /d && ln /a /d/c && ln -s a /l && ln /l /m
""",
    ),
    Case(
        name="run-hard-link-to-a-file-of-the-base",
        dockerfile="""\
FROM busybox
RUN ln /etc/motd /third
""",
    ),
    Case(
        name="run-writes-through-one-hard-link",
        dockerfile="""\
FROM busybox
RUN echo more >> /usr/lib/first
""",
    ),
    Case(
        name="run-chmod-of-a-hard-link-of-the-base",
        dockerfile="""\
FROM busybox
RUN chmod 600 /usr/lib/second
""",
    ),
    Case(
        name="run-fifo",
        dockerfile="""\
FROM busybox
RUN mkfifo -m 640 /pipe && chown worker /pipe
""",
    ),
    Case(
        name="run-device-nodes",
        dockerfile="""\
FROM busybox
RUN mknod -m 600 /null c 1 3 && mknod -m 660 /disk b 8 1 && chgrp staff /disk
""",
    ),
    Case(
        name="run-opens-its-streams-by-name",
        dockerfile="""FROM busybox
RUN echo app:x:1000:1000::/: >> /etc/passwd && mkdir -m 777 /w
USER 1000
RUN echo out > /dev/stdout && echo error > /dev/stderr && echo x | cat /dev/stdin > /w/read
RUN (echo through > /dev/stdout) | cat > /w/written && echo y | cat /proc/self/fd/0 > /w/third
RUN echo z | stat -L -c '%u %a' /dev/stdin > /w/owner
USER 0
RUN echo root > /dev/stdout && (echo x >/dev/stderr) 2>&1 | cat > /w/fourth
""",
    ),
    Case(
        name="run-user-attributes",
        dockerfile="""\
FROM busybox
RUN echo x > /f && setfattr -n user.colour -v blue /f && mkdir /d && setfattr -n user.d -v 0x00ff01 /d
""",
    ),
    Case(
        name="run-attribute-only",
        dockerfile="""\
FROM busybox
RUN setfattr -n user.colour -v blue /etc/motd
RUN setfattr -x user.colour /etc/motd
""",
    ),
    Case(
        name="run-file-capabilities",
        dockerfile="""\
FROM busybox
RUN cp /bin/busybox /ping && setcap cap_net_raw+ep /ping
""",
    ),
    Case(
        name="run-chown-drops-capabilities",
        dockerfile="""\
FROM busybox
RUN cp /bin/busybox /ping && setcap cap_net_raw+ep /ping
RUN chown worker /ping
""",
    ),
    Case(
        name="run-leaves-tmp",
        dockerfile="""\
FROM busybox
RUN touch /tmp/t /var/tmp/v /dev/shm/s; mkdir -p /run/r
""",
    ),
    Case(
        name="run-writes-etc-hosts",
        dockerfile="""\
FROM busybox
RUN cat /etc/hosts /etc/resolv.conf > /dev/null
""",
    ),
    Case(
        name="run-odd-names",
        dockerfile="""\
FROM busybox
RUN touch '/a b' "/q'q" "$(printf '/n\\nl')" /$(printf 'b\\377') '/.wh-not' /ü && mkdir '/ d '
""",
    ),
    Case(
        name="run-deep-and-long-names",
        dockerfile="""\
FROM busybox
RUN n=$(printf 'x%.0s' $(seq 200)); mkdir -p /$n/$n/$n && ln -s /$n/$n/$n/$n /$n/l
""",
    ),
    Case(
        name="run-leaves-a-background-process",
        dockerfile="""\
FROM busybox
RUN (sleep 600 &) ; echo done > /x
""",
    ),
    Case(
        name="run-sparse-file",
        dockerfile="""\
FROM busybox
RUN truncate -s 5M /sparse && echo end >> /sparse
""",
    ),
    Case(
        name="run-large-ids",
        dockerfile="""\
FROM busybox
RUN touch /f && chown 60000:60001 /f
""",
    ),
    Case(
        name="shell",
        dockerfile="""\
FROM busybox
SHELL ["/bin/sh", "-e", "-u", "-c"]
RUN echo $- > /flags; echo $0 > /zero
CMD echo $x
""",
    ),
    Case(
        name="heredoc-run",
        dockerfile="""\
FROM busybox
RUN <<EOF
echo one > /x
echo two >> /x
EOF
""",
        reference="""\
FROM busybox
RUN echo one > /x; echo two >> /x
""",
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
    Case(
        name="heredoc-run-stops-at-nothing",
        dockerfile="""\
FROM busybox
RUN <<EOF
false
echo $0 > /x
EOF
""",
        reference="""\
FROM busybox
RUN false; echo $0 > /x
""",
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
    Case(
        name="heredoc-to-a-command",
        dockerfile="""\
FROM busybox
ENV v=1
RUN cat <<EOF > /x
is $v
EOF
RUN cat <<'EOF' > /y
is $v
EOF
""",
        reference="""\
FROM busybox
ENV v=1
RUN echo is 1 > /x
RUN echo 'is $v' > /y
""",
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
    Case(
        name="heredoc-script",
        dockerfile="""\
FROM busybox
RUN <<EOF
#!/usr/bin/awk -f
BEGIN { print 6 * 7 > "/x" }
EOF
""",
        reference="""\
FROM busybox
RUN echo 42 > /x
""",
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
    Case(
        name="heredoc-copy",
        dockerfile="""\
FROM busybox
ENV v=1
COPY <<one.txt <<-"two.txt" /d/
v is $v
one.txt
\t\tv is $v
two.txt
""",
        reference="""\
FROM busybox
ENV v=1
COPY one two /d/
RUN mv /d/one /d/one.txt && mv /d/two /d/two.txt
""",
        context={"one": "v is 1\n", "two": "v is $v\n"},
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
    Case(
        name="heredoc-copy-chown-and-chmod",
        dockerfile="""\
FROM busybox
COPY --chown=worker --chmod=755 <<EOF /go
#!/bin/sh
EOF
""",
        reference="""\
FROM busybox
COPY --chown=worker --chmod=755 go /go
""",
        context={"go": "#!/bin/sh\n"},
        excused={"history": "docker 20.10 knows no heredocs, it builds the text that means the same"},
    ),
)
