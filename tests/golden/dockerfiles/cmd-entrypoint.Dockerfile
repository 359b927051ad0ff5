FROM base:1
CMD echo "hi" there
CMD ["a", "b c", "é\"\n"]
ENTRYPOINT ["/entry", "x"]
ENTRYPOINT run $HOME
CMD []
