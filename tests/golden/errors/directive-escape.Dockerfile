# escape=x
FROM base:1
