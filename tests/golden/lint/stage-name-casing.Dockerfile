FROM base:1 AS Builder
FROM base:1 AS good
