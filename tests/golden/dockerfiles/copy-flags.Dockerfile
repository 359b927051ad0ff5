FROM base:1
ENV MODE=u=rwX,go=rX WHO=1000
COPY --link a /b
COPY --link=false a /b
COPY --link=TRUE --chown=$WHO a b /c/
COPY --link --chown=root:0 a /d
# With --chmod BuildKit makes no independent layer, and so looks names up.
COPY --link --chmod=755 --chown=app a /e
COPY --chmod=$MODE a /f
COPY --chmod=a+X,o-w,+t,g=u a /g
COPY --exclude=*.o --exclude=**/tmp --exclude=!keep/$x src /h
COPY --parents ./a/b.txt c/**/d* /i/
COPY --parents --chown=$WHO --chmod=644 /x/*/./y/../z/. /a/./b/./c ../up /j/
COPY --parents=false /x/./y /k
WORKDIR /w
COPY --parents . .
COPY --link --parents --exclude=a b/c d
