FROM base:1
ADD https://example.com/x.git#--upload-pack=x /src
