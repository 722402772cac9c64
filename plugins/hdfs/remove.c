/* SPDX-License-Identifier: Apache-2.0 */
/* Removing: objects, empty folders, trees. The name node's own delete takes whatever it finds, so what is there is asked
 * first. */
#include <stdlib.h>

#include "hdfs.h"

static int absent(struct hdfs_java *j)
{
    return polyfs_fail(j->err, POLYFS_NOT_FOUND, "there is no such file or folder");
}

/* The kind is asked for, then the name is removed. @tree: with all that is in it. */
static int remove_name(struct hdfs_java *j, const char *path, int is_dir, int tree)
{
    struct hdfs_info info;
    int was_there = 0;
    int rc = hdfs_info(j, path, &info);
    if (rc != POLYFS_OK)
        return rc;
    if (!info.is_there)
        return absent(j);
    if (info.is_dir && !is_dir)
        return polyfs_fail(j->err, POLYFS_IS_DIR, "it is a folder");
    if (!info.is_dir && is_dir)
        return polyfs_fail(j->err, POLYFS_NOT_DIR, "it is a file, not a folder");
    if (is_dir && strcmp(path, "/") == 0)
        return polyfs_fail(j->err, POLYFS_INVALID, "the root folder stays");
    rc = hdfs_delete(j, path, tree, &was_there);
    return rc == POLYFS_OK && !was_there ? absent(j) : rc;
}

static int begin(struct hdfs_java *j, struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                 char **out, struct polyfs_error *err)
{
    int rc = hdfs_enter(j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(j, path, path_len, out);
    if (rc != POLYFS_OK)
        hdfs_leave(j);
    return rc;
}

int hdfs_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
                const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own;
    if (version || condition)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have neither versions nor conditional removal");
    int rc = begin(&j, call, self, path, path_len, &own, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = remove_name(&j, own, 0, 0);
    free(own);
    hdfs_leave(&j);
    return rc;
}

int hdfs_remove_tree(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                     struct polyfs_step *step, struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own;
    (void)step;
    int rc = begin(&j, call, self, path, path_len, &own, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = remove_name(&j, own, 1, 1);
    free(own);
    hdfs_leave(&j);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------------------------------- */

struct leftovers {
    struct hdfs_java *j;
    const char *folder;
    int removing, others, swept;
};

static int leftover(void *arg, const char *name, const struct hdfs_info *info, struct polyfs_error *err)
{
    struct leftovers *l = arg;
    (void)err;
    if (info->is_dir || strncmp(name, POLYFS_STAGING_PREFIX, strlen(POLYFS_STAGING_PREFIX)) != 0) {
        l->others = 1;
        return POLYFS_OK;
    }
    if (!l->removing)
        return POLYFS_OK;
    char *path = NULL;
    int was_there = 0;
    if (asprintf(&path, "%s/%s", l->folder, name) < 0)
        return polyfs_fail(l->j->err, POLYFS_NOMEM, "no memory for a path");
    int rc = hdfs_delete(l->j, path, 0, &was_there);
    l->swept |= was_there;
    free(path);
    return rc;
}

/*
 * Staging files that a killed process left are in no listing, so they must not keep a folder from being removed. 1 when
 * the folder holds nothing else, and they are gone.
 */
static int sweep_staging(struct hdfs_java *j, const char *path)
{
    struct polyfs_error ignored = POLYFS_ERROR_INIT, *err = j->err;
    struct leftovers l = {j, path, 0, 0, 0};
    char *more = NULL;
    j->err = &ignored;
    int rc = hdfs_list(j, path, "", leftover, &l, &more);
    if (rc == POLYFS_OK && !more && !l.others) {
        l.removing = 1;
        rc = hdfs_list(j, path, "", leftover, &l, &more);
    }
    free(more);
    j->err = err;
    return rc == POLYFS_OK && l.swept;
}

int hdfs_rmdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
               struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own;
    if (flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "there are no buckets here");
    int rc = begin(&j, call, self, path, path_len, &own, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = remove_name(&j, own, 1, 0);
    if (rc == POLYFS_NOT_EMPTY && sweep_staging(&j, own))
        rc = remove_name(&j, own, 1, 0);
    free(own);
    hdfs_leave(&j);
    return rc;
}
