/* Lines that are no system call: processes, threads, signals, and a few looks at files. */
#include "calls.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct job {
    int line, end, thread;
    pid_t process;
    pthread_t id;
    struct output *output;
    char slot[32];
};
static struct job *jobs[64]; /* those in the background */
static int job_count;
static volatile sig_atomic_t caught[65];

static void ended(int line, int status) {
    if (WIFEXITED(status))
        say("%d = exit %d\n", line, WEXITSTATUS(status));
    else
        say("%d = signal %d\n", line, WTERMSIG(status));
}

static void await(int line, pid_t process) {
    int status;
    pid_t found;
    while ((found = waitpid(process, &status, __WALL)) < 0 && errno == EINTR)
        ;
    if (found < 0)
        say("%d = -1 %s\n", line, error_name(errno));
    else
        ended(line, status);
}

static void *in_thread(void *given) {
    struct job *job = given;
    here = job->output;
    run(job->line, job->end);
    return NULL;
}

static int in_process(void *given) {
    struct job *job = given;
    run(job->line, job->end);
    _exit(0);
}

static void start(int line, const char *kind, struct job *job, int background) {
    if (background)
        job->output = output_of_its_own();
    if (!strcmp(kind, "thread")) {
        job->thread = 1;
        if (!job->output)
            job->output = output_of_its_own();
        int error = pthread_create(&job->id, NULL, in_thread, job);
        if (error)
            say("%d = no thread: %s\n", line + 1, error_name(error));
    } else if (!strcmp(kind, "vfork")) {
        pid_t child = vfork();
        if (child == 0)
            in_process(job);
        job->process = child;
    } else if (!strcmp(kind, "share")) {
        char *stack = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        job->process = clone(in_process, stack + (1 << 20), CLONE_FS | CLONE_FILES | SIGCHLD, job);
    } else if ((job->process = fork()) == 0) {
        if (background)
            here = job->output;
        in_process(job);
    }
}

static void finish(int line, struct job *job) {
    if (job->thread)
        pthread_join(job->id, NULL);
    else
        await(line + 1, job->process);
    if (job->output)
        append(job->output);
}

static void finish_named(int line, const char *slot) {
    for (int i = 0; i < job_count; i++)
        if (!strcmp(jobs[i]->slot, slot)) {
            jobs[i]->slot[0] = 0;
            finish(line, jobs[i]);
            return;
        }
    say("%d = nothing to wait for\n", line + 1);
}

/* fork, vfork, share, thread [-> slot] … end; repeat N … end. Returns the line of the end, or -1. */
int block(int line, char **at) {
    char *text = *at;
    size_t length = strcspn(text, " ");
    char kind[16] = "";
    if (length < sizeof kind)
        memcpy(kind, text, length);
    int end = end_of(line);
    if (!strcmp(kind, "repeat")) {
        for (long times = strtol(text + length, NULL, 10); times > 0; times--)
            run(line + 1, end);
        return end;
    }
    if (strcmp(kind, "fork") && strcmp(kind, "vfork") && strcmp(kind, "share") && strcmp(kind, "thread"))
        return -1;
    char *arrow = strstr(text, "-> ");
    struct job *job = calloc(1, sizeof *job);
    job->line = line + 1, job->end = end;
    if (arrow) {
        if (job_count == 64)
            fail("too many in the background", text);
        strncpy(job->slot, arrow + 3, sizeof job->slot - 1);
        jobs[job_count++] = job;
    }
    start(line, kind, job, arrow != NULL);
    if (arrow)
        keep(job->slot, job->process);
    else
        finish(line, job);
    return end;
}

static void on_signal(int number) { caught[number]++; }

static void pause_for(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static void timer(long milliseconds) {
    struct itimerval value = {{0, 0}, {milliseconds / 1000, milliseconds % 1000 * 1000}};
    setitimer(ITIMER_REAL, &value, NULL);
}

static void handle(const char *name, long flags, int what) {
    int number = number_of(name);
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = what == 'h' ? on_signal : what == 'i' ? SIG_IGN : SIG_DFL;
    sigaction(number, &action, NULL);
    caught[number] = 0;
}

/* Returns whether the line was one of these. */
int special(int line, const char *name, char **at) {
    char one[4200], other[4200];
    if (!strcmp(name, "wait"))
        finish_named(line, word(at));
    else if (!strcmp(name, "exit"))
        _exit(number_of(word(at)));
    else if (!strcmp(name, "sleep"))
        pause_for(number_of(word(at)));
    else if (!strcmp(name, "timer"))
        timer(number_of(word(at)));
    else if (!strcmp(name, "handle") || !strcmp(name, "ignore") || !strcmp(name, "default")) {
        char *signal = word(at);
        handle(signal, number_of(word(at)), name[0]);
    } else if (!strcmp(name, "caught"))
        say("%d = caught %d\n", line + 1, caught[number_of(word(at))]);
    else if (!strcmp(name, "pipe")) {
        int ends[2];
        if (!pipe2(ends, O_CLOEXEC))
            keep(word(at), ends[0]), keep(word(at), ends[1]);
    } else if (!strcmp(name, "list") || !strcmp(name, "names")) {
        *at += strspn(*at, " ");
        quoted(at, one, sizeof one);
        say("%d ", line + 1);
        list(one, name[0] == 'l');
    } else if (!strcmp(name, "same")) {
        *at += strspn(*at, " ");
        quoted(at, one, sizeof one);
        *at += strspn(*at, " ");
        quoted(at, other, sizeof other);
        say("%d ", line + 1);
        same(one, other);
    } else
        return 0;
    return 1;
}
