"""Build contexts: where COPY and ADD take their files from."""
