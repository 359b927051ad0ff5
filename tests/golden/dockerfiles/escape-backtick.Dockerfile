# escape=`
FROM base:1
ENV A=c:\dir\ B=a`$b
RUN echo `
  one `
  \two
WORKDIR /back`
/b
