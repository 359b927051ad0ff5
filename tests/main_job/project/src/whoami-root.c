/* Prints the effective user: 0 if its setuid bit and its owner came through. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    printf("%u\n", (unsigned)geteuid());
    return 0;
}
