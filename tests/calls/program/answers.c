/* What a call wrote to memory, as text: nothing of it that differs between two equal runs. */
#include "calls.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static void file(unsigned mode, unsigned uid, unsigned gid, unsigned long links, long size, dev_t device) {
    say(" {%07o %u:%u", mode, uid, gid);
    if (!S_ISDIR(mode))
        say(" links=%lu size=%ld", links, size);
    if (S_ISCHR(mode) || S_ISBLK(mode))
        say(" device=%u:%u", major(device), minor(device));
    say("}");
}

static void of_stat(const struct stat *found, int times) {
    file(found->st_mode, found->st_uid, found->st_gid, found->st_nlink, found->st_size, found->st_rdev);
    if (times)
        say(" accessed=%ld.%09ld modified=%ld.%09ld", found->st_atim.tv_sec, found->st_atim.tv_nsec,
            found->st_mtim.tv_sec, found->st_mtim.tv_nsec);
}

static void of_statx(const struct statx *found, int times) {
    file(found->stx_mode, found->stx_uid, found->stx_gid, found->stx_nlink, found->stx_size,
         makedev(found->stx_rdev_major, found->stx_rdev_minor));
    say(" basic=%x", found->stx_mask & STATX_BASIC_STATS);
    if (times)
        say(" accessed=%lld.%09u modified=%lld.%09u", (long long)found->stx_atime.tv_sec,
            found->stx_atime.tv_nsec, (long long)found->stx_mtime.tv_sec, found->stx_mtime.tv_nsec);
}

static int by_text(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sorted(const char **names, size_t count) {
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        say(" ");
        say_text(names[i], strlen(names[i]));
    }
}

static size_t entries(char *buffer, long size, int kinds, const char **names) {
    size_t count = 0;
    for (long at = 0; at < size && count < 4096;) {
        /* struct linux_dirent64: inode 8, offset 8, length 2, type 1, name */
        char *entry = buffer + at, *name = entry + 19, type = entry[18];
        char *text = malloc(strlen(name) + 3);
        strcat(strcpy(text, name), !kinds ? "" : type == DT_DIR ? "/" : type == DT_LNK ? "@" : type == DT_FIFO ? "|" :
               type == DT_CHR ? "%" : type == DT_BLK ? "#" : type == DT_SOCK ? "=" : "");
        names[count++] = text;
        uint16_t length;
        memcpy(&length, entry + 16, 2);
        at += length;
    }
    return count;
}

void answer(const struct value *given, long result) {
    char *data = (char *)given->number;
    const char *names[4096];
    size_t count = 0;
    switch (given->shape) {
    case STAT: case STAT_TIMES: of_stat((void *)data, given->shape == STAT_TIMES); break;
    case STATX: case STATX_TIMES: of_statx((void *)data, given->shape == STATX_TIMES); break;
    case TEXT: say(" "), say_text(data, strlen(data)); break;
    case BYTES: say(" "), say_text(data, (size_t)result < given->size ? (size_t)result : given->size); break;
    case NAMES:
        for (char *at = data; at < data + result; at += strlen(at) + 1)
            names[count++] = at;
        sorted(names, count);
        break;
    case ENTRIES: sorted(names, entries(data, result, 1, names)); break;
    case INTS:
        say(" [");
        for (size_t i = 0; i < given->size / 4; i++)
            say(i ? " %d" : "%d", ((int *)data)[i]);
        say("]");
        break;
    case UNIX_ADDRESS: {
        struct sockaddr_un *address = (void *)data;
        say(" family=%d ", address->sun_family);
        say_text(address->sun_path, strlen(address->sun_path));
        break;
    }
    case PEER: say(" %d:%d", ((int *)data)[1], ((int *)data)[2]); break; /* struct ucred */
    case STATFS: say(" names=%ld", (long)((struct statfs *)data)->f_namelen); break;
    default: break;
    }
}

void list(const char *path, int kinds) {
    static char buffer[1 << 16];
    const char *names[4096];
    size_t count = 0;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        say("= -1 %s\n", error_name(errno));
        return;
    }
    for (long size; (size = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;)
        count += entries(buffer, size, kinds, names + count);
    close(folder);
    say("=");
    sorted(names, count);
    say("\n");
}

void same(const char *left, const char *right) {
    struct stat one, other;
    if (lstat(left, &one) || lstat(right, &other))
        say("= -1 %s\n", error_name(errno));
    else
        say("= %s\n", one.st_ino == other.st_ino && one.st_dev == other.st_dev ? "same" : "different");
}
