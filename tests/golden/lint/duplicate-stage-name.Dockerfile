FROM base:1 AS one
FROM base:1 AS ONE
FROM one
