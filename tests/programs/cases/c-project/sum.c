#include "sum.h"
#include <stdlib.h>

#ifdef BROKEN
#error broken
#endif

long sum(int count, char **texts)
{
    long result = 0;
    for (int number = 0; number < count; number++)
        result += strtol(texts[number], NULL, 10);
    return result;
}
