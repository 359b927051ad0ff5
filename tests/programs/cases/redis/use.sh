#!/bin/sh
# Writes and reads through the socket $1.
set -e
tries=0
until redis-cli -s "$1" ping 2>/dev/null | grep -q PONG; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "no answer"; exit 1; }
    sleep 0.1
done
redis-cli -s "$1" set greeting hello
redis-cli -s "$1" get greeting
seq 1 2000 | sed 's/.*/rpush list &/' | redis-cli -s "$1" --pipe | tail -n 1
redis-cli -s "$1" llen list
redis-cli -s "$1" eval 'return redis.call("lindex", KEYS[1], -1)' 1 list
redis-cli -s "$1" save
