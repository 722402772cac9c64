/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the local plugin share: the filesystem handle, the way from a path to a folder descriptor, and
 * errors. Paths mean what they mean to the kernel; in a confined filesystem nothing leads out of its root.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <sys/stat.h>

#include "polyfs/plugin.h"

#define LOCAL_SLICE (UINT64_C(8) << 20) /* no system call moves more, so that a cancel is seen in time */
#define LOCAL_STAGING POLYFS_STAGING_PREFIX
#define LOCAL_STAGING_ROOM 64 /* of a staging name */

_Static_assert(sizeof(off_t) == 8, "offsets in files have 64 bits");

extern const struct polyfs_host *local_host;

struct local_fs {
    int root_fd;  /* of a sub filesystem, else AT_FDCWD */
    int confined; /* openat2 with BENEATH, NO_SYMLINKS, NO_MAGICLINKS */
    int durable;  /* new folders survive loss of power (option durability is not "none") */
};

/* A name within an open folder: what the *at() calls take. */
struct local_at {
    int dir_fd;
    int owned; /* close dir_fd */
    const char *name;
};

/* Where @path is. In a confined filesystem its folder is opened first, and a last part of "." or ".." is refused. */
int local_at(const struct local_fs *fs, const char *path, struct local_at *out, struct polyfs_error *err);
void local_at_close(struct local_at *at);
/* fsync of the folder that has @at. */
int local_sync_parent(const struct local_at *at, struct polyfs_error *err);

/* open(2) on a path of the filesystem, with its confinement. Returns -1 with errno set. */
int local_open(const struct local_fs *fs, const char *path, int flags, unsigned mode);

/* Code and words for an errno; @what names what failed. Returns the code. */
int local_fail(struct polyfs_error *err, int sys_errno, const char *what);
/* Cancelled or late: the code, with @err filled; else POLYFS_OK. */
int local_stopped(struct polyfs_call *call, struct polyfs_error *err);

/* st → polyfs_stat; the etag is inode, size and mtime. */
void local_stat_fill(const struct stat *st, struct polyfs_stat *out);

/* The tables, one file each. */
extern const struct polyfs_fs_ops local_fs_ops;
extern const struct polyfs_lister_ops local_lister_ops;
extern const struct polyfs_reader_ops local_reader_ops;
extern const struct polyfs_placed_ops local_placed_ops;
extern const struct polyfs_stream_ops local_stream_ops;

/* read.c */
int local_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
              const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
              struct polyfs_error *err);

/* write.c */
int local_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
              uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
              struct polyfs_error *err);
/* copy.c */
int local_copy(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
               uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
               struct polyfs_stat *out, struct polyfs_error *err);
/* facts.c */
int local_caps(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
               struct polyfs_caps *out, struct polyfs_error *err);
/* meta.c */
/* The content type, if the file has one. */
void local_meta_type(int fd, struct polyfs_stat *out);
int local_meta_read(int fd, struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err);
int local_meta_write(int fd, const struct polyfs_put_request *request, struct polyfs_error *err);
/* Metadata and content type of one open file onto another. */
int local_meta_copy(int from, int to, struct polyfs_error *err);
int local_set_metadata(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, struct polyfs_error *err);
int local_link(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *to,
               uint64_t to_len, struct polyfs_error *err); /* link.c */
int local_set_times(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, int64_t mtime_ns,
                    int64_t atime_ns, struct polyfs_error *err);

/* Staging: a file that nobody sees until it is published. Shared by put, placed and copy. */
struct local_stage {
    struct local_at at;            /* folder and final name */
    char *target;                  /* owned; at.name points into it */
    char temp[LOCAL_STAGING_ROOM]; /* name of the staging file; "" while it has none (O_TMPFILE) */
    int fd;
};

void local_staging_name(char out[LOCAL_STAGING_ROOM]); /* a hidden name that nobody has */
int local_stage_open(const struct local_fs *fs, const char *path, const struct polyfs_put_request *request,
                     struct local_stage *stage, struct polyfs_error *err);
int local_stage_write(struct polyfs_call *call, struct local_stage *stage, uint64_t offset, const void *data,
                      uint64_t size, uint32_t durability, struct polyfs_error *err);
/* fsync as asked, then publish under the request's condition. Closes nothing; local_stage_close is always due. */
int local_stage_publish(struct local_stage *stage, const struct polyfs_put_request *request,
                        struct polyfs_stat *out, struct polyfs_error *err);
/* Removes what was not published. */
void local_stage_close(struct local_stage *stage);

#endif
