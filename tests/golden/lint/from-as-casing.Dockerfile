FROM base:1 as one
FROM base:1 AS two
from base:1 AS three
FROM base:1 As four
FROM base:1 AS five
