FROM base:1 AS scratch
FROM base:1 AS context
FROM base:1 AS other
