/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded in front of the saver, this library plants one of the mistakes that the crash tests must catch:
 *   MUTANT=fsync:K        the K-th fsync is left out
 *   MUTANT=no-fsync       all are
 *   MUTANT=record-first   data files get their names only after the record has its own
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct late {
    int old_fd, new_fd, flags;
    char old_path[256], new_path[512];
} late[16];
static int late_count;

int fsync(int fd)
{
    static int (*real)(int);
    static int nth;
    const char *mutant = getenv("MUTANT");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    if (mutant && strncmp(mutant, "fsync:", 6) == 0 && ++nth == atoi(mutant + 6))
        return 0;
    if (mutant && strcmp(mutant, "no-fsync") == 0)
        return 0;
    return real(fd);
}

int linkat(int old_fd, const char *old_path, int new_fd, const char *new_path, int flags)
{
    static int (*real)(int, const char *, int, const char *, int);
    const char *mutant = getenv("MUTANT");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "linkat");
    if (!mutant || strcmp(mutant, "record-first") != 0)
        return real(old_fd, old_path, new_fd, new_path, flags);
    if (strspn(new_path, "0123456789") != 19) { /* not a record's name */
        struct late *l = &late[late_count++];
        int source;
        sscanf(old_path, "/proc/self/fd/%d", &source);
        l->old_fd = dup(source); /* the caller closes its own */
        l->new_fd = dup(new_fd);
        l->flags = flags;
        snprintf(l->old_path, sizeof(l->old_path), "/proc/self/fd/%d", l->old_fd);
        snprintf(l->new_path, sizeof(l->new_path), "%s", new_path);
        return 0;
    }
    int rc = real(old_fd, old_path, new_fd, new_path, flags);
    for (int i = 0; i < late_count; i++)
        real(-100, late[i].old_path, late[i].new_fd, late[i].new_path, late[i].flags);
    late_count = 0;
    return rc;
}
