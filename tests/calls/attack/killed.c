/* Kills children in the middle of calls that the supervisor has a thread make itself: of changing the directory
 * and of opening by O_PATH. usage: killed NUMBER; prints how many it killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
    int number = count > 1 ? atoi(words[1]) : 0, killed = 0;
    for (int child = 0; child < number; child++) {
        int status;
        pid_t made = fork();
        while (!made) {
            int path = open("/data/file", O_PATH);
            if (path < 0 || close(path) || chdir("/data"))
                _exit(1);
        }
        usleep(300 + rand() % 2000);
        kill(made, SIGKILL);
        waitpid(made, &status, 0);
        killed += status == SIGKILL;
    }
    printf("%d were killed\n", killed);
    return 0;
}
