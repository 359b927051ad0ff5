FROM base:1
COPY a /b
COPY a b c/ ./
COPY ["with space", "b", "/dest dir/"]
COPY --chown=app:app --chmod=0755 a /b
COPY --chown=1000 ../a/../../x /b2/
WORKDIR /w
COPY . .
COPY *.txt dir/?.c sub/
COPY / x/../y
COPY a ""/z
COPY a //double//slash/.
ENV D=/env S=src N=1001
COPY --chown=$N:$N $S $D/
COPY "$S" a2
COPY a\ b
