FROM base:1
RUN <<../x
#!/bin/sh
../x
