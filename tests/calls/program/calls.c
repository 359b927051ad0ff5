/* Makes the system calls of the script on standard input and prints what came of each line; then prints
 * everything that it sees below the paths given as arguments. Called as show…: see show.c. */
#include "calls.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 4096
char *lines[MOST];
int line_count;

/* The line of the end that belongs to the block that line begins. */
int end_of(int line) {
    int depth = 0;
    for (int i = line; i < line_count; i++) {
        char *text = lines[i] + strspn(lines[i], " ");
        if (!strncmp(text, "fork", 4) || !strncmp(text, "vfork", 5) || !strncmp(text, "share", 5) ||
            !strncmp(text, "thread", 6) || !strncmp(text, "repeat", 6))
            depth++;
        if (!strcmp(text, "end") && --depth == 0)
            return i;
    }
    return line_count;
}

static void call(int line, const char *name, char *at, int hidden) {
    struct value given[7] = {{0}}, none = {0};
    int count = 0;
    const char *slot = NULL;
    const struct name *known = call_names;
    while (known->text && strcmp(known->text, name))
        known++;
    while (*(at += strspn(at, " "))) {
        if (!strncmp(at, "-> ", 3)) {
            at += 3;
            slot = word(&at);
            break;
        }
        if (*at == '#' || count == 6)
            break;
        given[count] = value(&at, count ? given + count - 1 : &none);
        count++;
    }
#ifdef __x86_64__ /* which has them all */
    if (!known->text)
        fail("no such call", name);
#endif
    if (!strncmp(name, "execve", 6))
        say("%d exec\n", line + 1); /* what the program says comes next */
    errno = known->text ? 0 : ENOSYS;
    long result = -1;
    int again = !strcmp(name, "openat2");
    /* openat2(2): something was renamed on this machine meanwhile, so the caller is to try again. */
    for (int left = known->text ? 100 : 0; left; left = result == -1 && errno == EAGAIN && again ? left - 1 : 0)
        result = syscall(known->number, given[0].number, given[1].number, given[2].number, given[3].number,
                         given[4].number, given[5].number);
    int error = errno;
    if (slot)
        keep(slot, result);
    if (result == -1 && error) {
        say("%d = -1 %s\n", line + 1, error_name(error));
        return;
    }
    if (hidden)
        say("%d = done", line + 1);
    else
        say("%d = %ld", line + 1, result);
    for (int i = 0; i < count; i++)
        answer(given + i, result);
    say("\n");
}

void run(int first, int end) {
    for (int line = first; line < end; line++) {
        char *text = strdup(lines[line]), *at = text + strspn(text, " ");
        int last = block(line, &at);
        if (last >= 0) {
            line = last;
        } else if (*at && *at != '#') {
            int hidden = *at == '?';
            at += hidden;
            char *name = word(&at);
            if (!special(line, name, &at))
                call(line, name, at, hidden);
        }
        free(text);
    }
}

static void read_script(void) {
    size_t size = 0, room = 1 << 20;
    char *text = malloc(room + 1);
    for (ssize_t part; (part = read(0, text + size, room - size)) > 0;)
        size += part;
    text[size] = 0;
    for (char *line; (line = strsep(&text, "\n")) && line_count < MOST;)
        lines[line_count++] = line;
}

int main(int argc, char **argv, char **envp) {
    const char *name = argc && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argc ? argv[0] : "";
    if (!*name || !strncmp(name, "show", 4))
        return show(argv, envp);
    read_script();
    int status;
    pid_t child = fork();
    if (child == 0) {
        run(0, line_count);
        _exit(0);
    }
    waitpid(child, &status, 0);
    say("end %s %d\n", WIFEXITED(status) ? "exit" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    for (int i = 1; i < argc; i++)
        dump(argv[i]);
    return 0;
}
