/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One checkpoint, open for reading: its manifest, and its files by their names. Whatever is read is compared with the
 * sizes and checksums that were saved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy.h"
#include "view.h"

#define COPY_BYTES (1 << 20)
#define STATS 64

/* ---- views ----------------------------------------------------------------------------------------------------- */

void polyfs_ckpt_view_close(struct polyfs_ckpt_view *view)
{
    if (!view)
        return;
    ckpt_manifest_clear(&view->manifest);
    polyfs_fs_close(view->fs);
    free(view->files);
    free(view->folder);
    free(view->place);
    free(view);
}

static int read_manifest(struct polyfs_ckpt_view *view, const struct ckpt_entry *entry, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char why[128] = "its manifest does not fit the record";
    void *text;
    size_t n;
    char *path = ckpt_format("%s/" CKPT_MANIFEST, view->folder);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "load", view->folder, "no memory");
    opts.call = &view->call;
    int rc = polyfs_get_all(view->fs, path, &opts, &text, &n, NULL, err);
    free(path);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(view->fs, view->folder, &view->call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = n == entry->manifest_size && polyfs_crc32c(0, text, n) == entry->manifest_crc ? POLYFS_OK : POLYFS_CORRUPT;
    if (rc == POLYFS_OK)
        rc = ckpt_manifest_read(text, n, &view->manifest, why, sizeof(why));
    if (rc == POLYFS_OK && strcmp(view->manifest.attempt, entry->attempt) != 0)
        rc = POLYFS_CORRUPT;
    polyfs_free(text);
    return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, "load", view->info.name, "%s", why);
}

/* What a manifest of it would say. */
static int one_file(struct polyfs_ckpt_view *view, const struct ckpt_entry *entry, struct polyfs_error *err)
{
    struct ckpt_rows none = {NULL, 0, 0};
    int rc = ckpt_manifest_add(&view->manifest, entry->file, entry->manifest_size, entry->manifest_crc, &none);
    return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, "load", view->info.name, "no memory");
}

static int list_files(struct polyfs_ckpt_view *view, struct polyfs_error *err)
{
    view->files = calloc(view->manifest.count ? view->manifest.count : 1, sizeof(*view->files));
    if (!view->files)
        return ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    for (size_t i = 0; i < view->manifest.count; i++) {
        const struct ckpt_file *f = &view->manifest.files[i];
        view->files[i] = (struct polyfs_ckpt_file){f->name, f->size, f->crc, 0};
    }
    return POLYFS_OK;
}

/* What lies in a folder without a log has no attempt. */
static char *folder_of(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry)
{
    if (*entry->attempt)
        return ckpt_attempt_folder(ckpt, entry->home, entry->attempt);
    return ckpt_format("%s%s%s", ckpt->root, entry->file || !*ckpt->root ? "" : "/",
                       entry->file ? "" : entry->name);
}

static int view_open(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry,
                     const struct ckpt_record *record, struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view = calloc(1, sizeof(*view));
    if (!view)
        return ckpt_fail(err, POLYFS_NOMEM, "load", entry->name, "no memory");
    view->fs = polyfs_fs_ref(ckpt->fs);
    view->call = ckpt->call;
    view->rank = ckpt->ranks.rank;
    ckpt_info_fill(&view->info, entry, record);
    view->folder = folder_of(ckpt, entry);
    view->place = strdup(ckpt->place);
    int rc =
        view->folder && view->place ? POLYFS_OK : ckpt_fail(err, POLYFS_NOMEM, "load", entry->name, "no memory");
    if (rc == POLYFS_OK)
        rc = entry->file       ? one_file(view, entry, err)
             : *entry->attempt ? read_manifest(view, entry, err)
                               : ckpt_legacy_files(view->fs, view->folder, &view->call, &view->manifest, err);
    if (rc == POLYFS_OK)
        rc = list_files(view, err);
    if (rc == POLYFS_OK)
        *out_view = view;
    else
        polyfs_ckpt_view_close(view);
    return rc;
}

const struct polyfs_ckpt_info *polyfs_ckpt_view_info(const struct polyfs_ckpt_view *view)
{
    return &view->info;
}

size_t polyfs_ckpt_view_count(const struct polyfs_ckpt_view *view)
{
    return view->manifest.count;
}

const struct polyfs_ckpt_file *polyfs_ckpt_view_at(const struct polyfs_ckpt_view *view, size_t index)
{
    return index < view->manifest.count ? &view->files[index] : NULL;
}

/* ---- checking -------------------------------------------------------------------------------------------------- */

static int damaged(const struct polyfs_ckpt_view *view, const char *file, const char *why, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_CORRUPT, "load", view->info.name, "its file \"%s\" %s", file, why);
}

/* Asked for many at a time: a checkpoint may have as many files as there were ranks. */
static int check_sizes(struct polyfs_ckpt_view *view, size_t first, size_t count, struct polyfs_error *err)
{
    const struct ckpt_file *files = &view->manifest.files[first];
    char *paths[STATS] = {NULL};
    struct polyfs_stat stats[STATS];
    int codes[STATS], rc = POLYFS_OK;
    for (size_t i = 0; i < count; i++) {
        stats[i] = (struct polyfs_stat)POLYFS_STAT_INIT;
        paths[i] = ckpt_format("%s/%s", view->folder, files[i].name);
        if (!paths[i])
            rc = ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    }
    if (rc == POLYFS_OK)
        rc = polyfs_stat_many(view->fs, (const char *const *)paths, count, &view->call, stats, codes, err);
    for (size_t i = 0; i < count; i++) {
        if (rc == POLYFS_OK && (stats[i].type != POLYFS_TYPE_FILE || stats[i].size != files[i].size))
            rc = damaged(view, files[i].name, "has another size than was saved", err);
        free(paths[i]);
    }
    return rc;
}

/* The record says that it is there: it was removed, or nothing of its bucket is there any more. */
static int missing(const struct polyfs_ckpt_view *view, const char *file, struct polyfs_error *err)
{
    int rc = ckpt_absent(view->fs, view->folder, &view->call, err);
    return rc == POLYFS_NOT_FOUND ? damaged(view, file, "is missing", err) : rc;
}

/* Reads one file through @take (NULL: only to check it) and compares size and checksum. */
typedef int take_fn(void *user, const void *data, size_t size, struct polyfs_error *err);

static int pass_file(struct polyfs_ckpt_view *view, const struct ckpt_file *file, take_fn *take, void *user,
                     struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    struct polyfs_reader *reader = NULL;
    uint64_t total = 0;
    uint32_t crc = 0;
    size_t n = 1;
    char *path = ckpt_format("%s/%s", view->folder, file->name);
    char *buffer = malloc(COPY_BYTES);
    opts.call = &view->call;
    int rc = path && buffer ? polyfs_reader_open(view->fs, path, &opts, &reader, err)
                            : ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    if (rc == POLYFS_NOT_FOUND)
        rc = missing(view, file->name, err);
    while (rc == POLYFS_OK && n && total <= file->size) {
        rc = polyfs_reader_read(reader, buffer, COPY_BYTES, &n, err);
        if (rc == POLYFS_NOT_FOUND)
            rc = missing(view, file->name, err);
        if (rc == POLYFS_OK && n) {
            crc = polyfs_crc32c(crc, buffer, n);
            total += n;
            if (take && total <= file->size)
                rc = take(user, buffer, n, err);
        }
    }
    if (rc == POLYFS_OK && total != file->size)
        rc = damaged(view, file->name, "has another size than was saved", err);
    else if (rc == POLYFS_OK && crc != file->crc && !(view->info.flags & POLYFS_CKPT_LEGACY))
        rc = damaged(view, file->name, "has another checksum than was saved", err);
    polyfs_reader_close(reader);
    free(buffer);
    free(path);
    return rc;
}

static int check_files(struct polyfs_ckpt_view *view, int bytes, struct polyfs_error *err)
{
    const size_t count = view->manifest.count;
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK && bytes; i++)
        rc = pass_file(view, &view->manifest.files[i], NULL, NULL, err);
    for (size_t i = 0; i < count && rc == POLYFS_OK && !bytes; i += STATS)
        rc = check_sizes(view, i, count - i < STATS ? count - i : STATS, err);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(view->fs, view->folder, &view->call, err);
    if (rc == POLYFS_NOT_FOUND && err)
        err->code = rc = POLYFS_CORRUPT; /* the record says that it is there */
    return rc;
}

int ckpt_view_whole(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry,
                    const struct ckpt_record *record, uint32_t flags, struct polyfs_ckpt_view **out_view,
                    struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view = NULL;
    int rc = view_open(ckpt, entry, record, &view, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = check_files(view, (flags & POLYFS_CKPT_CHECK_BYTES) != 0, err);
    if (rc == POLYFS_OK)
        *out_view = view;
    else
        polyfs_ckpt_view_close(view);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static const struct ckpt_file *file_of(const struct polyfs_ckpt_view *view, const char *front, const char *name)
{
    const size_t n = strlen(front);
    for (size_t i = 0; i < view->manifest.count; i++) {
        const char *file = view->manifest.files[i].name;
        if (strncmp(file, front, n) == 0 && strcmp(file + n, name) == 0)
            return &view->manifest.files[i];
    }
    return NULL;
}

const struct ckpt_file *ckpt_view_file(const struct polyfs_ckpt_view *view, const char *name)
{
    char front[16];
    const struct ckpt_file *file = file_of(view, "", name);
    snprintf(front, sizeof(front), "r%05u/", view->rank);
    if (!file)
        file = file_of(view, front, name);
    return file ? file : file_of(view, "r00000/", name);
}

struct into_memory {
    char *at;
};

static int take_memory(void *user, const void *data, size_t size, struct polyfs_error *err)
{
    struct into_memory *to = user;
    (void)err;
    memcpy(to->at, data, size);
    to->at += size;
    return POLYFS_OK;
}

int polyfs_ckpt_read(struct polyfs_ckpt_view *view, const char *name, void *buffer, size_t room, size_t *out_n,
                     struct polyfs_error *err)
{
    const struct ckpt_file *file = ckpt_view_file(view, name);
    struct into_memory to = {buffer};
    if (!file)
        return ckpt_fail(err, POLYFS_NOT_FOUND, "load", view->info.name, "it has no file \"%s\"", name);
    if (file->size > room)
        return ckpt_fail(err, POLYFS_RANGE, "load", view->info.name,
                         "its file \"%s\" has %llu bytes, the buffer %zu", name, (unsigned long long)file->size,
                         room);
    int rc = pass_file(view, file, take_memory, &to, err);
    if (rc == POLYFS_OK)
        *out_n = file->size;
    return rc;
}

int polyfs_ckpt_reader(struct polyfs_ckpt_view *view, const char *name, struct polyfs_reader **out_reader,
                       struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    const struct ckpt_file *file = ckpt_view_file(view, name);
    if (!file)
        return ckpt_fail(err, POLYFS_NOT_FOUND, "load", view->info.name, "it has no file \"%s\"", name);
    char *path = ckpt_format("%s/%s", view->folder, file->name);
    opts.call = &view->call;
    int rc = path ? polyfs_reader_open(view->fs, path, &opts, out_reader, err)
                  : ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    free(path);
    return rc;
}

static int take_writer(void *user, const void *data, size_t size, struct polyfs_error *err)
{
    return polyfs_writer_write(user, data, size, err);
}

static int extract_file(struct polyfs_ckpt_view *view, const struct ckpt_file *file, struct polyfs_fs *target,
                        struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_writer *writer;
    opts.flags = POLYFS_WRITE_PARENTS;
    opts.call = &view->call;
    opts.size_hint = file->size;
    int rc = polyfs_writer_open(target, file->name, &opts, &writer, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = pass_file(view, file, take_writer, writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    return rc;
}

int polyfs_ckpt_extract(struct polyfs_ckpt_view *view, const char *folder_url, struct polyfs_error *err)
{
    struct polyfs_fs *fs, *target = NULL;
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    char *path;
    int rc = polyfs_fs_open(folder_url, NULL, &fs, &path, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_mkdir(fs, path, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, &view->call, err);
    if (rc == POLYFS_OK)
        rc = polyfs_caps(fs, path, 0, &view->call, &caps, err);
    if (rc ==
        POLYFS_OK) /* names were checked when the manifest was read; where folders can be links, more is needed */
        rc = polyfs_fs_sub(fs, path, caps.fact[POLYFS_FACT_CONFINE] == POLYFS_YES ? POLYFS_SUB_CONFINE : 0,
                           &view->call, &target, err);
    for (size_t i = 0; rc == POLYFS_OK && i < view->manifest.count; i++)
        rc = extract_file(view, &view->manifest.files[i], target, err);
    polyfs_fs_close(target);
    polyfs_fs_close(fs);
    polyfs_free(path);
    return rc;
}
