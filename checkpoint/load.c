/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and reading. Damage (a checksum, a size, a missing file) makes "latest" go one back, and say so; a failure
 * to ask ends the search with that failure, since it says nothing about what is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define COPY_BYTES (1 << 20)
#define NUMBERS 64

struct polyfs_ckpt_view {
    struct polyfs_fs *fs;
    char *folder; /* of the attempt */
    struct polyfs_call_opts call;
    struct polyfs_ckpt_info info;
    struct ckpt_manifest manifest;
    struct polyfs_ckpt_file *files; /* for callers */
};

static int is_damage(int rc)
{
    return rc == POLYFS_CORRUPT || rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR;
}

/* ---- views ----------------------------------------------------------------------------------------------------- */

void polyfs_ckpt_view_close(struct polyfs_ckpt_view *view)
{
    if (!view)
        return;
    ckpt_manifest_clear(&view->manifest);
    polyfs_fs_close(view->fs);
    free(view->files);
    free(view->folder);
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

static int view_open(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry,
                     const struct ckpt_record *record, struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view = calloc(1, sizeof(*view));
    if (!view)
        return ckpt_fail(err, POLYFS_NOMEM, "load", entry->name, "no memory");
    view->fs = polyfs_fs_ref(ckpt->fs);
    view->call = ckpt->call;
    ckpt_info_fill(&view->info, entry, record);
    view->folder = ckpt_format("%s%s%s/%s", ckpt->root, *ckpt->root ? "/" : "", entry->home, entry->attempt);
    int rc = view->folder ? read_manifest(view, entry, err)
                          : ckpt_fail(err, POLYFS_NOMEM, "load", entry->name, "no memory");
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

static int check_size(struct polyfs_ckpt_view *view, const struct ckpt_file *file, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    char *path = ckpt_format("%s/%s", view->folder, file->name);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    int rc = polyfs_stat(view->fs, path, NULL, &view->call, &stat, err);
    free(path);
    if (rc == POLYFS_OK && (stat.type != POLYFS_TYPE_FILE || stat.size != file->size))
        rc = damaged(view, file->name, "has another size than was saved", err);
    return rc;
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
    while (rc == POLYFS_OK && n && total <= file->size) {
        rc = polyfs_reader_read(reader, buffer, COPY_BYTES, &n, err);
        if (rc == POLYFS_OK && n) {
            crc = polyfs_crc32c(crc, buffer, n);
            total += n;
            if (take && total <= file->size)
                rc = take(user, buffer, n, err);
        }
    }
    if (rc == POLYFS_OK && total != file->size)
        rc = damaged(view, file->name, "has another size than was saved", err);
    else if (rc == POLYFS_OK && crc != file->crc)
        rc = damaged(view, file->name, "has another checksum than was saved", err);
    polyfs_reader_close(reader);
    free(buffer);
    free(path);
    return rc;
}

static int check_files(struct polyfs_ckpt_view *view, int bytes, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < view->manifest.count && rc == POLYFS_OK; i++)
        rc = bytes ? pass_file(view, &view->manifest.files[i], NULL, NULL, err)
                   : check_size(view, &view->manifest.files[i], err);
    if (rc == POLYFS_NOT_FOUND && err)
        err->code = rc = POLYFS_CORRUPT; /* the record says that it is there */
    return rc;
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

static int open_whole(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry,
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

/* The newest whole one that a record names. POLYFS_CORRUPT: it names some, all damaged. NOT_FOUND: it names none. */
static int newest_of(struct polyfs_ckpt *ckpt, const struct ckpt_record *record, uint32_t flags, char *note,
                     size_t note_room, struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    int rc = POLYFS_NOT_FOUND;
    for (size_t i = record->live_count; i-- > 0;) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        rc = open_whole(ckpt, &record->live[i], record, flags, out_view, &why);
        if (rc == POLYFS_OK)
            return rc;
        if (err)
            *err = why;
        if (!is_damage(rc))
            return rc;
        if (!*note)
            snprintf(note, note_room, "\"%s\" was passed over: %s", record->live[i].name, why.message);
        rc = POLYFS_CORRUPT;
    }
    return rc;
}

static int load_latest(struct polyfs_ckpt *ckpt, uint32_t flags, struct polyfs_ckpt_view **out_view,
                       struct polyfs_error *err)
{
    uint64_t numbers[NUMBERS];
    size_t count;
    char note[512] = "";
    int damage = 0;
    int rc = ckpt_log_numbers(ckpt, numbers, NUMBERS, &count, err);
    for (size_t i = 0; rc == POLYFS_OK && i < count; i++) {
        struct ckpt_record record;
        struct polyfs_error why = POLYFS_ERROR_INIT;
        int found = ckpt_log_get(ckpt, numbers[i], &record, &why);
        if (found == POLYFS_OK) {
            found = newest_of(ckpt, &record, flags, note, sizeof(note), out_view, &why);
            ckpt_record_clear(&record);
            if (found == POLYFS_NOT_FOUND && !damage)
                break; /* a readable newest record that names none: there are none */
        } else if (!*note) {
            snprintf(note, sizeof(note), "record %llu was passed over: %s", (unsigned long long)numbers[i],
                     why.message);
        }
        if (found == POLYFS_OK && *note) {
            (*out_view)->info.flags |= POLYFS_CKPT_FELL_BACK;
            snprintf((*out_view)->info.note, sizeof((*out_view)->info.note), "%s", note);
        }
        if (found == POLYFS_OK || !is_damage(found)) {
            if (found != POLYFS_OK && err)
                *err = why;
            return found;
        }
        damage = 1;
    }
    if (rc != POLYFS_OK)
        return rc;
    if (damage)
        return ckpt_fail(err, POLYFS_CORRUPT, "load the latest of", ckpt->url,
                         "none of its checkpoints is whole: %s", note);
    return ckpt_fail(err, POLYFS_NOT_FOUND, "load the latest of", ckpt->url, "it has no checkpoint yet");
}

/* "last" and "best" are what a policy chose, unless something bears that name. */
static const struct ckpt_entry *entry_of(const struct ckpt_record *record, const char *name)
{
    const struct ckpt_entry *entry = ckpt_record_find(record, name);
    const char *chosen = strcmp(name, "last") == 0 ? record->last : strcmp(name, "best") == 0 ? record->best : NULL;
    return entry || !chosen ? entry : ckpt_record_find(record, chosen);
}

static int load_named(struct polyfs_ckpt *ckpt, const char *name, uint32_t flags,
                      struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    struct ckpt_record record;
    int found = 0;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, &record, &found, NULL, 0, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct ckpt_entry *entry = entry_of(&record, name);
    rc = POLYFS_NOT_FOUND;
    if (entry) {
        rc = open_whole(ckpt, entry, &record, flags, out_view, err);
        if (rc == POLYFS_NOT_FOUND)
            rc = ckpt_fail(err, POLYFS_CORRUPT, "load", name, "a file of it is missing");
    }
    ckpt_record_clear(&record);
    if (rc == POLYFS_NOT_FOUND)
        ckpt_fail(err, rc, "load", ckpt->url, "it has no checkpoint \"%s\"; see: polyfs ckpt list %s", name,
                  ckpt->url);
    return rc;
}

int polyfs_ckpt_load(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags,
                     struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    if (flags & ~POLYFS_CKPT_CHECK_BYTES)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "load from", ckpt->url, "a flag is not known");
    if (strcmp(which, "latest") == 0)
        return load_latest(ckpt, flags, out_view, err);
    int rc = load_named(ckpt, which, flags, out_view, err);
    if (strcmp(which, "last") == 0 &&
        is_damage(rc)) /* no policy chose one, or it is not whole: the newest that is */
        rc = load_latest(ckpt, flags, out_view, err);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

const struct ckpt_file *ckpt_view_file(const struct polyfs_ckpt_view *view, const char *name)
{
    for (size_t i = 0; i < view->manifest.count; i++)
        if (strcmp(view->manifest.files[i].name, name) == 0)
            return &view->manifest.files[i];
    return NULL;
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

/* ---- listing and verifying ---------------------------------------------------------------------------------- */

struct polyfs_ckpt_list {
    struct polyfs_ckpt_info *rows;
    size_t count;
};

int polyfs_ckpt_list(struct polyfs_ckpt *ckpt, struct polyfs_ckpt_list **out_list, struct polyfs_error *err)
{
    struct ckpt_record record;
    char note[512] = "";
    int found = 0;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, &record, &found, note, sizeof(note), err);
    if (rc != POLYFS_OK)
        return rc;
    struct polyfs_ckpt_list *list = calloc(1, sizeof(*list));
    if (list)
        list->rows = calloc(record.live_count ? record.live_count : 1, sizeof(*list->rows));
    if (!list || !list->rows) {
        free(list);
        ckpt_record_clear(&record);
        return ckpt_fail(err, POLYFS_NOMEM, "list", ckpt->url, "no memory");
    }
    for (size_t i = record.live_count; i-- > 0;) {
        struct polyfs_ckpt_info *info = &list->rows[list->count++];
        ckpt_info_fill(info, &record.live[i], &record);
        if (*note) {
            info->flags |= POLYFS_CKPT_FELL_BACK;
            snprintf(info->note, sizeof(info->note), "%s", note);
        }
    }
    ckpt_record_clear(&record);
    *out_list = list;
    return POLYFS_OK;
}

size_t polyfs_ckpt_list_count(const struct polyfs_ckpt_list *list)
{
    return list->count;
}

const struct polyfs_ckpt_info *polyfs_ckpt_list_at(const struct polyfs_ckpt_list *list, size_t index)
{
    return index < list->count ? &list->rows[index] : NULL;
}

void polyfs_ckpt_list_free(struct polyfs_ckpt_list *list)
{
    if (!list)
        return;
    free(list->rows);
    free(list);
}

int polyfs_ckpt_verify(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags, polyfs_ckpt_verify_fn *done,
                       void *user, struct polyfs_error *err)
{
    struct ckpt_record record;
    int found = 0, first = POLYFS_OK, seen = 0;
    uint32_t check = flags & POLYFS_CKPT_SIZES_ONLY ? 0 : POLYFS_CKPT_CHECK_BYTES;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, &record, &found, NULL, 0, err);
    for (size_t i = record.live_count; rc == POLYFS_OK && i-- > 0;) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        struct polyfs_ckpt_view *view = NULL;
        struct polyfs_ckpt_info info;
        if (which && strcmp(record.live[i].name, which) != 0)
            continue;
        seen = 1;
        int code = open_whole(ckpt, &record.live[i], &record, check, &view, &why);
        polyfs_ckpt_view_close(view);
        if (code != POLYFS_OK && first == POLYFS_OK) {
            first = code;
            if (err)
                *err = why;
        }
        ckpt_info_fill(&info, &record.live[i], &record);
        if (done)
            done(&info, code, code == POLYFS_OK ? "" : why.message, user);
    }
    ckpt_record_clear(&record);
    if (rc == POLYFS_OK && which && !seen)
        return ckpt_fail(err, POLYFS_NOT_FOUND, "verify", ckpt->url, "it has no checkpoint \"%s\"", which);
    return rc == POLYFS_OK ? first : rc;
}
