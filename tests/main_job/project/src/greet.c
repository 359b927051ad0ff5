#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--check") == 0)
        return 0;
    printf("hello %s from C, version %s\n", argc > 1 ? argv[1] : "nobody", VERSION);
    return 0;
}
