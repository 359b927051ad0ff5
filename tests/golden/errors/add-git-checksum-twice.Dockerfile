FROM base:1
ADD --checksum=0123456 https://example.com/x.git?checksum=6543210 /src
