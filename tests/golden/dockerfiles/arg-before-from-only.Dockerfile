ARG A=1
ARG B=${A:-x}-${C:-none}
FROM base:$A
ARG A
ARG B
RUN echo $A $B
