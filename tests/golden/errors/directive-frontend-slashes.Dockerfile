#!/usr/bin/env build
// syntax=example.com/other:1 with arguments
FROM base:1
