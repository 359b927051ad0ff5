FROM base:1
ADD --parents a /b
