FROM base:1 AS one
ARG A=1
ARG B
FROM one AS two
RUN echo $A
ARG A=2
RUN echo $A
