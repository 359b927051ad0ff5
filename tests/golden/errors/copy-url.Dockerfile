FROM base:1
COPY https://example.com/x /x
