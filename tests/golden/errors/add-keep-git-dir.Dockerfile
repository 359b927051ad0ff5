FROM base:1
ADD --keep-git-dir=true https://example.com/x.git /src
