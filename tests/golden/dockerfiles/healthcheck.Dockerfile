FROM base:1
HEALTHCHECK --interval=5s --timeout=1m30s --start-period=1.5h --retries=3 CMD curl -f "http://localhost/" || exit 1
HEALTHCHECK CMD ["a", "b"]
HEALTHCHECK --interval=500ms --retries=10 CMD true
HEALTHCHECK none
