#!/bin/sh
# Says when nothing answers at the socket $1 any more and the program $2 is gone.
tries=0
while redis-cli -s "$1" ping >/dev/null 2>&1 || pgrep "$2" >/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "still there"; exit 1; }
    sleep 0.1
done
echo stopped
