FROM base:1
SHELL []
