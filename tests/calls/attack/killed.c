/* Kills children in the middle of a call that the supervisor has a thread make itself: of changing the directory.
 * usage: killed NUMBER; several at once kill so many each, and print that. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int kill_children(int number)
{
    int killed = 0;
    srand(getpid());
    for (int child = 0; child < number; child++) {
        int status;
        pid_t made = fork();
        while (!made)
            if (chdir("/data"))
                _exit(1);
        usleep(100 + rand() % 1500);
        kill(made, SIGKILL);
        waitpid(made, &status, 0);
        killed += status == SIGKILL;
    }
    return killed;
}

int main(int count, char **words)
{
    int number = count > 1 ? atoi(words[1]) : 0, whole = 0, status;
    for (int killer = 0; killer < 4; killer++)
        if (!fork())
            _exit(kill_children(number) != number);
    while (wait(&status) > 0)
        whole += status == 0;
    printf("%d killed all of theirs\n", whole);
    return 0;
}
