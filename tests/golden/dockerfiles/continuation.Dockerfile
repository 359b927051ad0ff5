FROM base:1
RUN one && \
    # a comment within

    two && \   
  #another
	three

  run   lower   case
R\
UN joined name
RUN a\\
RUN text \ in the middle
RUN last \
