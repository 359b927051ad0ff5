# escape=`
# escape=`
FROM base:1
