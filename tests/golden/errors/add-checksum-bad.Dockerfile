FROM base:1
ADD --checksum=sha256:12 https://a/b /
