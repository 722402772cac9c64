/* SPDX-License-Identifier: Apache-2.0 */
/* The last checkpoint under a name that does not change, for programs that do not read the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

int ckpt_last_check(const struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    if (ckpt->last_as > POLYFS_CKPT_LAST_POINTER)
        return ckpt_fail(err, POLYFS_INVALID, "open the run", ckpt->url, "%u is no way to keep the last checkpoint",
                         ckpt->last_as);
    if (ckpt->last_as && !ckpt_name_valid(ckpt->last_path))
        return ckpt_fail(err, POLYFS_INVALID, "open the run", ckpt->url,
                         "\"%s\" is no name for the last checkpoint", ckpt->last_path);
    if (ckpt->last_as != POLYFS_CKPT_LAST_LINK)
        return POLYFS_OK;
    int rc = polyfs_caps(ckpt->fs, ckpt->root, 0, &ckpt->call, &caps, err);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_LINKS] == POLYFS_NO)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "open the run", ckpt->url,
                       "this store has no links; keep the last checkpoint as a copy or as a pointer");
    return rc;
}

static const struct ckpt_entry *last_of(const struct ckpt_record *record)
{
    if (record->last)
        return ckpt_record_find(record, record->last);
    return record->live_count ? &record->live[record->live_count - 1] : NULL;
}

static int put_pointer(struct polyfs_ckpt *ckpt, const char *path, const char *to, struct polyfs_error *err)
{
    char *line = ckpt_format("%s\n", to);
    if (!line)
        return ckpt_fail(err, POLYFS_NOMEM, "point to the last of", ckpt->url, "no memory");
    int rc = ckpt_put(ckpt, path, line, strlen(line), 0, err);
    free(line);
    return rc;
}

static int copy(struct polyfs_ckpt *ckpt, const char *path, const char *from, const struct ckpt_entry *entry,
                struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    if (!entry->file)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "copy the last of", ckpt->url,
                         "it has several files, which cannot be copied in one step; keep it as a pointer");
    opts.call = &ckpt->call;
    opts.flags = POLYFS_WRITE_PARENTS;
    opts.durability = POLYFS_DURABILITY_FULL;
    return polyfs_copy(ckpt->fs, from, ckpt->fs, path, &opts, NULL, err);
}

static int make_link(struct polyfs_ckpt *ckpt, const char *path, const char *full, struct polyfs_error *err)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int rc = folder ? POLYFS_OK : ckpt_fail(err, POLYFS_NOMEM, "link to the last of", ckpt->url, "no memory");
    if (slash && slash > folder && strchr(ckpt->last_path, '/')) { /* the run's own is there */
        *slash = '\0';
        rc = polyfs_mkdir(ckpt->fs, folder, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, &ckpt->call, err);
    }
    free(folder);
    return rc == POLYFS_OK ? polyfs_link(ckpt->fs, path, full, &ckpt->call, err) : rc;
}

/* @to: below the run, @full: the same with it in front. */
static int make(struct polyfs_ckpt *ckpt, const char *path, const char *to, const char *full,
                const struct ckpt_entry *entry, struct polyfs_error *err)
{
    switch (ckpt->last_as) {
    case POLYFS_CKPT_LAST_LINK: return make_link(ckpt, path, full, err);
    case POLYFS_CKPT_LAST_COPY: return copy(ckpt, path, full, entry, err);
    default: return put_pointer(ckpt, path, to, err);
    }
}

int ckpt_last_make(struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    if (!ckpt->last_as)
        return POLYFS_OK;
    const struct ckpt_entry *entry = last_of(&ckpt->state);
    const char *attempt = entry ? entry->attempt : "";
    if (strcmp(attempt, ckpt->last_attempt) == 0)
        return POLYFS_OK;
    char *path = ckpt_below(ckpt, "%s", ckpt->last_path), *to = NULL, *full = NULL;
    if (entry)
        to = ckpt_format("%s/%s%s%s", entry->home, entry->attempt, entry->file ? "/" : "",
                         entry->file ? entry->file : "");
    if (to)
        full = ckpt_below(ckpt, "%s", to);
    int rc = POLYFS_NOMEM;
    if (!path || (entry && !full))
        ckpt_fail(err, rc, "keep the last of", ckpt->url, "no memory");
    else
        rc = entry ? make(ckpt, path, to, full, entry, err) : ckpt_remove(ckpt, path, err);
    if (rc == POLYFS_OK)
        snprintf(ckpt->last_attempt, sizeof(ckpt->last_attempt), "%s", attempt);
    free(path);
    free(to);
    free(full);
    return rc;
}
