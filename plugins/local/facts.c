/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of a path: they belong to the mount that its folder lies on. statfs(2) tells the kind; what a kind does not
 * settle is tried without a change (an attribute that nobody has), and only with POLYFS_CAPS_PROBE otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "local.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* The nearest folder at or above a path that exists, as a descriptor. */
static int open_nearest(const struct local_fs *fs, const char *path, struct polyfs_error *err)
{
    char *part = strdup(path);
    int fd = -1;
    if (!part)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    for (;;) {
        fd = local_open(fs, part, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        char *slash = strrchr(part, '/');
        if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG) || !*part)
            break;
        if (slash == part && part[1])
            part[1] = '\0';
        else if (slash && slash != part)
            *slash = '\0';
        else
            *part = '\0'; /* relative: the working folder, or the root of a sub filesystem */
    }
    int why = errno;
    free(part);
    return fd >= 0 ? fd : local_fail(err, why, "the mount it lies on");
}

/* openat2(2) is there since Linux 5.6, and missing under valgrind 3.19: a `no` fact then, never a silent fallback. */
static int confinement_works(void)
{
    const struct local_fs here = {AT_FDCWD, 1, 0};
    int fd = local_open(&here, ".", O_PATH, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != ENOSYS;
}

static void tell_xattr(int fd, struct polyfs_caps *out)
{
    char value;
    uint8_t answer = POLYFS_YES;
    if (fgetxattr(fd, "user.polyfs.probe", &value, 1) < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        answer = POLYFS_NO;
    out->fact[POLYFS_FACT_METADATA] = answer;
    out->fact[POLYFS_FACT_CONTENT_TYPE] = answer;
    out->fact[POLYFS_FACT_SET_METADATA] = answer;
}

static void tell_kind(const struct statfs *mount, struct polyfs_caps *out)
{
    uint8_t durable = POLYFS_YES, reflink = POLYFS_UNKNOWN;
    switch ((unsigned long)mount->f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        durable = POLYFS_NO;
        reflink = POLYFS_NO;
        break;
    case EXT4_SUPER_MAGIC: /* also ext2 and ext3 */ reflink = POLYFS_NO; break;
    case BTRFS_SUPER_MAGIC: reflink = POLYFS_YES; break;
    case OVERLAYFS_SUPER_MAGIC: durable = POLYFS_UNKNOWN; break; /* as its upper layer is mounted */
    default: break;
    }
    out->fact[POLYFS_FACT_DURABLE_COMMIT] = durable;
    out->fact[POLYFS_FACT_REFLINK] = reflink;
    out->name_max = (uint32_t)mount->f_namelen;
}

/* Two nameless files, of which one takes the other's blocks; nobody sees them. Where they cannot be made it stays open. */
static void probe_reflink(int fd, struct polyfs_caps *out)
{
    int from = openat(fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int to = openat(fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (from >= 0 && to >= 0 && pwrite(from, "", 1, 0) == 1)
        out->fact[POLYFS_FACT_REFLINK] = ioctl(to, FICLONE, from) == 0 ? POLYFS_YES : POLYFS_NO;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
}

/* The options of the mount that a folder is on, in @line; NULL where /proc does not tell. */
static const char *options_of(int fd, char *line, size_t room)
{
    char device[32];
    const char *options = NULL;
    struct stat st;
    FILE *mounts = fstat(fd, &st) == 0 ? fopen("/proc/self/mountinfo", "re") : NULL;
    if (!mounts)
        return NULL;
    snprintf(device, sizeof(device), " %u:%u ", major(st.st_dev), minor(st.st_dev));
    while (!options && fgets(line, (int)room, mounts))
        if (strstr(line, device))
            options = strstr(line, " - ");
    fclose(mounts);
    return options;
}

static int has_option(const char *options, const char *option)
{
    size_t n = strlen(option);
    for (const char *at = options; (at = strstr(at, option)); at++)
        if (at[-1] == ',' && strchr(",\n", at[n]))
            return 1;
    return 0;
}

/*
 * An overlay keeps what its upper layer keeps, and nothing when it is volatile. The path of that layer is as whoever
 * mounted it saw it: in a container it leads nowhere, or to something else, so it counts only if its mount has the very
 * size that the overlay tells, which is its upper layer's. What cannot be seen stays unknown.
 */
static void probe_overlay(int fd, const struct statfs *overlay, struct polyfs_caps *out)
{
    char line[8192], layer[4096];
    struct statfs upper;
    const char *options = options_of(fd, line, sizeof(line));
    const char *path = options ? strstr(options, ",upperdir=") : NULL;
    if (!path)
        return;
    if (has_option(options, "volatile") || has_option(options, "fsync=volatile")) { /* as newer kernels say it */
        out->fact[POLYFS_FACT_DURABLE_COMMIT] = POLYFS_NO;
        return;
    }
    path += strlen(",upperdir=");
    snprintf(layer, sizeof(layer), "%.*s", (int)strcspn(path, ",\n"), path);
    if (statfs(layer, &upper) < 0 || upper.f_blocks != overlay->f_blocks || upper.f_bsize != overlay->f_bsize)
        return;
    int in_memory = upper.f_type == TMPFS_MAGIC || upper.f_type == RAMFS_MAGIC;
    out->fact[POLYFS_FACT_DURABLE_COMMIT] = in_memory ? POLYFS_NO : POLYFS_YES;
}

int local_caps(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
               struct polyfs_caps *out, struct polyfs_error *err)
{
    struct statfs mount;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    int fd = open_nearest(self, path, err);
    if (fd < 0)
        return fd;
    if (fstatfs(fd, &mount) < 0) {
        rc = local_fail(err, errno, "the mount it lies on");
        close(fd);
        return rc;
    }
    polyfs_facts(out, POLYFS_FACT_REAL_DIRS, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH, POLYFS_FACT_COPY_CONDITION,
                 POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ, POLYFS_FACT_SUFFIX_READ,
                 POLYFS_FACT_SET_TIMES, POLYFS_FACT_COPY, POLYFS_FACT_RENAME, POLYFS_FACT_RENAME_ATOMIC,
                 POLYFS_FACT_RENAME_DIR, POLYFS_FACT_APPEND, POLYFS_FACT_CASE_SENSITIVE, POLYFS_FACT_ANY_BYTES,
                 POLYFS_FACT_LINKS, POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_COUNT);
    tell_kind(&mount, out);
    tell_xattr(fd, out);
    if (flags & POLYFS_CAPS_PROBE && out->fact[POLYFS_FACT_REFLINK] == POLYFS_UNKNOWN)
        probe_reflink(fd, out);
    if (flags & POLYFS_CAPS_PROBE && mount.f_type == OVERLAYFS_SUPER_MAGIC)
        probe_overlay(fd, &mount, out);
    close(fd);
    out->fact[POLYFS_FACT_CONFINE] = confinement_works() ? POLYFS_YES : POLYFS_NO;
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PLACED;
    out->condition_shapes = out->shapes;
    out->path_max = 4095;
    out->cancel_bound_ms = 0; /* fsync cannot be left */
    out->mtime_resolution_ns = 1;
    snprintf(out->limit_key, sizeof(out->limit_key), "file");
    return POLYFS_OK;
}
