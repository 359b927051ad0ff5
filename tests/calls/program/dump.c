/* Everything that can be seen of the files below a path. */
#include "calls.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LATER 1500000000 /* a time that no script sets */

static struct { dev_t device; ino_t inode; char *path; } seen[4096];
static int count;

static void attributes(const char *path) {
    char names[4096], value[4096];
    ssize_t size = llistxattr(path, names, sizeof names);
    const char *sorted[64];
    int found = 0;
    for (char *at = names; size > 0 && at < names + size && found < 64; at += strlen(at) + 1)
        sorted[found++] = at;
    for (int pass = 0; pass < found; pass++) { /* few: the smallest that is left */
        int least = pass;
        for (int i = pass; i < found; i++)
            if (strcmp(sorted[i], sorted[least]) < 0)
                least = i;
        const char *name = sorted[least];
        sorted[least] = sorted[pass];
        ssize_t length = lgetxattr(path, name, value, sizeof value);
        say(" %s=", name);
        for (ssize_t i = 0; i < length; i++)
            say("%02x", (unsigned char)value[i]);
        if (length < 0)
            say("%s", error_name(errno));
    }
}

static void content(const char *path) {
    unsigned char buffer[65536];
    uint64_t hash = 14695981039346656037ULL; /* FNV-1a */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size;
    while (descriptor >= 0 && (size = read(descriptor, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < size; i++)
            hash = (hash ^ buffer[i]) * 1099511628211ULL;
    if (descriptor < 0)
        say(" content=%s", error_name(errno));
    else
        say(" content=%016llx", (unsigned long long)hash), close(descriptor);
}

static void links(const char *path, const struct stat *found) {
    if (S_ISDIR(found->st_mode) || found->st_nlink < 2)
        return;
    say(" links=%lu", (unsigned long)found->st_nlink);
    for (int i = 0; i < count; i++)
        if (seen[i].device == found->st_dev && seen[i].inode == found->st_ino) {
            say(" with=%s", seen[i].path);
            return;
        }
    if (count < 4096)
        seen[count].device = found->st_dev, seen[count].inode = found->st_ino, seen[count++].path = strdup(path);
}

static void one(const char *path, const struct stat *found) {
    char target[4096];
    say("%s %07o %u:%u", path, found->st_mode, found->st_uid, found->st_gid);
    if (S_ISREG(found->st_mode)) {
        say(" size=%ld", (long)found->st_size);
        content(path);
    }
    if (S_ISCHR(found->st_mode) || S_ISBLK(found->st_mode))
        say(" device=%u:%u", major(found->st_rdev), minor(found->st_rdev));
    if (S_ISLNK(found->st_mode)) {
        ssize_t size = readlink(path, target, sizeof target);
        say(" -> ");
        say_text(target, size < 0 ? 0 : size);
    }
    if (found->st_mtim.tv_sec < LATER)
        say(" modified=%ld.%09ld", found->st_mtim.tv_sec, found->st_mtim.tv_nsec);
    links(path, found);
    attributes(path);
    say("\n");
}

void dump(const char *path) {
    struct stat found;
    if (lstat(path, &found)) {
        say("%s %s\n", path, error_name(errno));
        return;
    }
    one(path, &found);
    if (!S_ISDIR(found.st_mode))
        return;
    struct dirent **names;
    int size = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < size; i++) {
        char below[4096];
        if (!strcmp(names[i]->d_name, ".") || !strcmp(names[i]->d_name, ".."))
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below)
            dump(below);
        free(names[i]);
    }
    if (size < 0)
        say("%s: list: %s\n", path, error_name(errno));
}
