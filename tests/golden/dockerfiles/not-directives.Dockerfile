# just a comment
# escape=`
FROM base:1
RUN one \
 two
