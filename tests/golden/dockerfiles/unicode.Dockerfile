FROM base:1
ENV NAME=Grüße EMOJI=🙂
RUN echo „$NAME“ 
LABEL ключ=значение
COPY ä.txt /ö/
CMD ["ü", "🙂\u0001"]
