FROM base:1
ARG A=1 B="two words" C
ARG D='$A' E=\$A F="$A"
RUN env
