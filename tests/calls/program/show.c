/* What a program sees that was just executed. */
#include "calls.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void strings(const char *what, char **list) {
    say("    %s", what);
    for (; list && *list; list++) {
        say(" ");
        say_text(*list, strlen(*list));
    }
    say("\n");
}

static void ids(void) {
    unsigned u[3], g[3], groups[64];
    syscall(SYS_getresuid, u, u + 1, u + 2);
    syscall(SYS_getresgid, g, g + 1, g + 2);
    say("    ids %u %u %u %ld, %u %u %u %ld, %d %d %d %d, groups", u[0], u[1], u[2], syscall(SYS_setfsuid, -1),
        g[0], g[1], g[2], syscall(SYS_setfsgid, -1), getuid(), geteuid(), getgid(), getegid());
    long count = syscall(SYS_getgroups, 64, groups);
    for (long i = 0; i < count; i++)
        say(" %u", groups[i]);
    uint32_t header[2] = {0x20080522, 0}, sets[6] = {0};
    syscall(SYS_capget, header, sets);
    say(", capabilities %08x %08x %08x", sets[0], sets[1], sets[2]);
    say(", keep %d\n", prctl(PR_GET_KEEPCAPS));
}

static void link_text(const char *path) {
    char text[4096];
    ssize_t size = readlink(path, text, sizeof text);
    say(" %s ", path);
    if (size < 0)
        say("%s", error_name(errno));
    else
        say_text(text, size);
}

int show(char **argv, char **envp) {
    char name[16] = "";
    strings("arguments", argv);
    strings("environment", envp);
    ids();
    if (argv[0] && !strncmp(argv[0], "show-auxiliary", 14)) {
        say("    auxiliary %lu %lu %lu %lu secure %lu file ", getauxval(AT_UID), getauxval(AT_EUID),
            getauxval(AT_GID), getauxval(AT_EGID), getauxval(AT_SECURE));
        const char *path = (const char *)getauxval(AT_EXECFN);
        say_text(path ? path : "", path ? strlen(path) : 0);
        say("\n");
    }
    prctl(PR_GET_NAME, name);
    say("    name ");
    say_text(name, strlen(name));
    link_text("/proc/self/exe");
    link_text("/proc/self/cwd");
    link_text("/proc/self/root");
    mode_t mask = umask(0);
    say(" umask %03o descriptors", mask);
    for (int i = 3; i < 20; i++)
        if (fcntl(i, F_GETFD) >= 0)
            say(" %d", i);
    say("\n");
    return 7;
}
