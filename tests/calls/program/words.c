/* The words of a line: numbers, constants, strings, structures, room for answers. */
#include "calls.h"
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct name slots[64];
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

void keep(const char *slot, long number) {
    int i = 0;
    pthread_mutex_lock(&keeping);
    while (i < 63 && slots[i].text && strcmp(slots[i].text, slot))
        i++;
    slots[i].number = number;
    if (!slots[i].text)
        slots[i].text = strdup(slot);
    pthread_mutex_unlock(&keeping);
}

void fail(const char *what, const char *word) {
    say("script: %s: %s\n", what, word);
    _exit(99);
}

static long look_up(const struct name *names, const char *text, const char *what) {
    for (; names->text; names++)
        if (!strcmp(names->text, text))
            return names->number;
    fail(what, text);
    return -1;
}

const char *error_name(int number) {
    for (const struct name *each = constant_names; each->text; each++)
        if (each->text[0] == 'E' && each->number == number)
            return each->text;
    static __thread char text[16];
    snprintf(text, sizeof text, "E%d", number);
    return text;
}

/* a|b|c, each a number, a constant or a $slot */
long number_of(const char *text) {
    long result = 0;
    char part[64];
    while (*text) {
        size_t length = strcspn(text, "|");
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        if (part[0] == '$') {
            int i = 0;
            while (i < 64 && slots[i].text && strcmp(slots[i].text, part + 1))
                i++;
            if (i == 64 || !slots[i].text)
                fail("no such slot", part);
            result |= slots[i].number;
        } else if (isdigit((unsigned char)part[0]) || part[0] == '-') {
            result |= part[0] == '-' ? strtol(part, NULL, 0) : (long)strtoul(part, NULL, 0);
        } else {
            result |= look_up(constant_names, part, "no such constant");
        }
        text += length + (text[length] == '|');
    }
    return result;
}

char *word(char **at) {
    *at += strspn(*at, " ");
    char *start = *at;
    *at += strcspn(*at, " ");
    if (**at)
        *(*at)++ = 0;
    return start;
}

/* "…" with C's escapes \n \0 \\ \" \xHH; ends behind the closing quote. */
size_t quoted(char **at, char *into, size_t room) {
    size_t size = 0;
    for ((*at)++; **at && **at != '"'; (*at)++) {
        char c = **at;
        if (c == '\\') {
            c = *++*at;
            if (c == 'n')
                c = '\n';
            else if (c == '0')
                c = 0;
            else if (c == 'x') {
                char digits[3] = {(*at)[1], (*at)[2], 0};
                c = (char)strtol(digits, NULL, 16);
                *at += 2;
            }
        }
        if (size + 1 < room)
            into[size++] = c;
    }
    into[size] = 0;
    if (**at)
        (*at)++;
    return size;
}

static struct value memory(const void *data, size_t size, size_t length) {
    char *copy = calloc(1, size + 1);
    memcpy(copy, data, size);
    return (struct value){(long)copy, PLAIN, length};
}

/* So that the byte behind the string's zero cannot be read. */
static struct value at_the_edge(const char *data, size_t size) {
    size_t page = sysconf(_SC_PAGESIZE), room = (size + page) / page * page;
    char *pages = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + room, page, PROT_NONE);
    char *start = pages + room - size - 1;
    memcpy(start, data, size);
    return (struct value){(long)start, PLAIN, size};
}

static struct value strings(char **at) {
    char **list = calloc(32, sizeof *list), text[8192];
    for (int i = 0; **at == '"' && i < 31; i++) {
        size_t size = quoted(at, text, sizeof text);
        list[i] = (char *)memory(text, size, size).number;
        *at += **at == ',';
    }
    return (struct value){(long)list, PLAIN, 32 * sizeof *list};
}

/* "…", or N*"…" for N times the same. */
static size_t repeated(char **at, char *into, size_t room) {
    long times = 1;
    char *star = *at + strspn(*at, "0123456789");
    if (star > *at && *star == '*')
        times = strtol(*at, NULL, 10), *at = star + 1;
    size_t size = quoted(at, into, room), i = 1;
    for (; i < (size_t)times && size * (i + 1) < room; i++)
        memcpy(into + size * i, into, size);
    into[size * i] = 0;
    return size * i;
}

static struct value unix_address(char **at) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static __thread char text[10000];
    size_t size = repeated(at, text, sizeof text);
    memcpy(address.sun_path, text, size < sizeof address.sun_path ? size : sizeof address.sun_path);
    size_t length = offsetof(struct sockaddr_un, sun_path) + size + (size && text[0] != 0);
    if (length > sizeof address)
        length = sizeof address;
    return memory(&address, sizeof address, length);
}

/* msg:"path","data": a struct msghdr with an address */
static struct value message(char **at) {
    struct value address = unix_address(at);
    char text[256];
    struct iovec *vector = calloc(1, sizeof *vector);
    *at += **at == ',';
    vector->iov_len = quoted(at, text, sizeof text);
    vector->iov_base = (void *)memory(text, vector->iov_len, 0).number;
    struct msghdr header = {.msg_name = (void *)address.number, .msg_namelen = address.size};
    header.msg_iov = vector, header.msg_iovlen = 1;
    return memory(&header, sizeof header, sizeof header);
}

static struct value numbers(char *text, size_t width) {
    char *bytes = calloc(64, width), *part;
    size_t count = 0;
    while ((part = strsep(&text, ",")) && count < 64) {
        long number = number_of(part);
        memcpy(bytes + width * count++, &number, width);
    }
    return (struct value){(long)bytes, PLAIN, count * width};
}

static struct value room(char *text) {
    static const struct { const char *name; enum shape shape; size_t size; } shapes[] = {
        {"stat", STAT, sizeof(struct stat)}, {"stat+times", STAT_TIMES, sizeof(struct stat)},
        {"statx", STATX, 256}, {"statx+times", STATX_TIMES, 256}, {"text", TEXT, 4096},
        {"bytes", BYTES, 4096}, {"names", NAMES, 4096}, {"entries", ENTRIES, 32768}, {"ints", INTS, 4},
        {"address", UNIX_ADDRESS, 112}, {"peer", PEER, 12}, {"statfs", STATFS, 256}, {"none", SILENT, 4096},
    };
    char *size = strchr(text, ':');
    if (size)
        *size++ = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (!strcmp(shapes[i].name, text)) {
            size_t wanted = size ? (size_t)number_of(size) * (shapes[i].shape == INTS ? 4 : 1) : shapes[i].size;
            return (struct value){(long)calloc(1, wanted + 4096), shapes[i].shape, wanted};
        }
    fail("no such answer", text);
    return (struct value){0};
}

static int begins(char **at, const char *prefix) {
    size_t length = strlen(prefix);
    if (strncmp(*at, prefix, length))
        return 0;
    *at += length;
    return 1;
}

struct value value(char **at, const struct value *before) {
    static __thread char text[70000];
    *at += strspn(*at, " ");
    int edge = begins(at, "edge:");
    const char *star = *at + strspn(*at, "0123456789");
    if (**at == '"' || (star[0] == '*' && star[1] == '"')) {
        size_t size = repeated(at, text, sizeof text);
        return edge ? at_the_edge(text, size) : memory(text, size, size);
    }
    if (begins(at, "argv:") || begins(at, "envp:"))
        return strings(at);
    if (begins(at, "address:"))
        return unix_address(at);
    if (begins(at, "msg:"))
        return message(at);
    char *rest = word(at);
    if (begins(&rest, "out."))
        return room(rest);
    if (begins(&rest, "longs:"))
        return numbers(rest, 8);
    if (begins(&rest, "ints:"))
        return numbers(rest, 4);
    if (begins(&rest, "inout:")) {
        struct value made = numbers(rest, 4);
        made.shape = INTS;
        return made;
    }
    if (!strcmp(rest, "null"))
        return (struct value){0, PLAIN, 0};
    if (!strcmp(rest, "bad"))
        return (struct value){16, PLAIN, 0};
    if (!strcmp(rest, "len"))
        return (struct value){(long)before->size, PLAIN, 0};
    return (struct value){number_of(rest), PLAIN, 0};
}
