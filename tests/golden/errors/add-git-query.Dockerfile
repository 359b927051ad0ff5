FROM base:1
ADD https://example.com/x.git?depth=1 /src
