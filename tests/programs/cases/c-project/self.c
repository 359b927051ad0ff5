#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void say(const char *what, const char *value)
{
    printf("%s: %s\n", what, value);
    fflush(stdout);
}

static void show_link(const char *path)
{
    char text[512];
    ssize_t length = readlink(path, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
    say(path, text);
}

static void *in_a_thread(void *unused)
{
    struct stat found;
    say("thread", stat("/etc/passwd", &found) == 0 && S_ISREG(found.st_mode) ? "ok" : "failed");
    return unused;
}

static void wait_for(pid_t child, const char *what)
{
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s: %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    fflush(stdout);
}

int main(int count, char **words)
{
    if (count > 1) {
        say(words[0], words[1]);
        return 3;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, in_a_thread, NULL);
    pthread_join(thread, NULL);
    say("auxiliary vector", (const char *)getauxval(AT_EXECFN));
    show_link("/proc/self/exe");
    show_link("/proc/self/cwd");
    show_link("/proc/self/root");

    char *again[] = {"by descriptor", "called", NULL};
    int self = open("/proc/self/exe", O_RDONLY);
    pid_t child = fork();
    if (child == 0) {
        fexecve(self, again, environ);
        _exit(99);
    }
    wait_for(child, "fexecve");
    char *by_name[] = {"by spawn", "called", NULL};
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, by_name, environ) == 0)
        wait_for(child, "posix_spawn");
    child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "kill -SEGV $$", NULL);
        _exit(98);
    }
    wait_for(child, "vfork");

    unlink("/tmp/self");
    show_link("/proc/self/exe");
    int copy = open("/tmp/self", O_WRONLY | O_CREAT, 0755);
    write(copy, "#!/bin/echo replaced\n", 21) < 0 ? abort() : (void)0;
    close(copy);
    child = fork();
    if (child == 0) {
        execl("/tmp/self", "self", NULL);
        _exit(97);
    }
    wait_for(child, "replaced");
    return 0;
}
