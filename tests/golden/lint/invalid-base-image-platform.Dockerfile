FROM arm:1
FROM base:1
FROM scratch
