#include "sum.h"
#include <stdio.h>
#include <unistd.h>

int main(int count, char **texts)
{
    char name[256];
    ssize_t length = readlink("/proc/self/exe", name, sizeof name - 1);
    name[length < 0 ? 0 : length] = 0;
    printf("%s: %ld, uid %d\n", name, sum(count - 1, texts + 1), (int)getuid());
    return 0;
}
