FROM base:1
ADD --unpack=true https://example.com/x.git /src
