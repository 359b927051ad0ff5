FROM base:1
ADD a.tar.gz b /opt/
ADD https://example.com/file.tgz /opt/
ADD --chmod=755 http://example.com/a?x=1 one /two/
ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://example.com/x /x
ADD ["a b", "/c d/"]
