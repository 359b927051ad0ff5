FROM --platform=linux/vax base:1
