#!/usr/bin/env ci-builder
# syntax=docker/dockerfile:1.7
# check=skip=JSONArgsRecommended
# ESCAPE = `

FROM base:1
RUN one `
 two
