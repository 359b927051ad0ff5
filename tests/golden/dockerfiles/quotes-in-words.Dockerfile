FROM base:1
ENV A="it's" B='say "x"' C=a'b c'd"e f" D="" E=''
LABEL "quoted key"=v k="a=b=c" x=a\ b
VOLUME "/q" '/r'
USER "app"
WORKDIR '/single $A'
