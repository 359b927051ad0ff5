FROM base:1 AS one
ENV PATH=$PAHT:/app FROM_BASE=$BASE
COPY x$foo ${bar:-x} /x/
ARG declared
ARG GIVEN=$ignored_since_given
ARG OTHER=$other
LABEL a=$declared b=$OTHER c="${d}" e='$literal' f=\$escaped
EXPOSE $port
RUN echo $shell
CMD echo $shell
COPY --chown=$owner <<EOF /file
$body
EOF
COPY <<'EOF' /file
$literal
EOF
FROM one
USER $declared$OTHER$undeclared
