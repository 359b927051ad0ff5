#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int other = posix_openpt(O_RDWR | O_NOCTTY);
    if (other < 0 || grantpt(other) || unlockpt(other)) return 1;
    const char *name = ptsname(other);
    int kept = open(name, O_RDWR | O_NOCTTY);
    printf("not of this session: %d\n", kept >= 0 && open("/dev/tty", O_RDWR) < 0);
    struct stat seen;
    printf("root's: %d\n", stat(name, &seen) || seen.st_uid);
    printf("given to whom it belongs to: %d\n", chown(name, 0, seen.st_gid));
    fflush(stdout);
    if (!fork()) {
        setsid();
        int without = open(name, O_RDWR | O_NOCTTY);
        printf("asked not to: %d\n", without >= 0 && open("/dev/tty", O_RDWR) < 0);
        int own = open(name, O_RDWR);
        printf("its own: %d, in front: %d\n", open("/dev/tty", O_RDWR) >= 0, tcgetpgrp(own) == getpid());
        fflush(stdout);
        dup2(own, 0);
        execl("/bin/sh", "sh", "-c", "tty > /dev/null && echo a terminal; echo x > /dev/tty && echo wrote", (char *)0);
        return 1;
    }
    int status;
    wait(&status);
    return WEXITSTATUS(status);
}
