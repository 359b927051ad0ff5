/* Binds a privileged port on the loopback: needs the capability of this file. Prints 0 or errno. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(879)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    int failed = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    printf("%d\n", failed ? errno : 0);
    return 0;
}
