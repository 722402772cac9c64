/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of one file or of many: kept in rows, found by name. */
#include "tensors.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static void *copied(char **at, const void *from, size_t n)
{
    void *to = *at;
    memcpy(to, from, n);
    *at += n;
    return to;
}

static struct ckpt_tensor *row_copy(const struct ckpt_tensor *row)
{
    const size_t numbers = row->told.rank * sizeof(uint64_t), strides = row->stride ? numbers : 0;
    const size_t name = strlen(row->told.name) + 1, dtype = strlen(row->told.dtype) + 1;
    struct ckpt_tensor *own = malloc(sizeof(*own) + numbers + strides + name + dtype);
    if (!own)
        return NULL;
    char *at = (char *)(own + 1);
    *own = *row;
    own->told.shape = numbers ? copied(&at, row->told.shape, numbers) : NULL;
    own->stride = strides ? copied(&at, row->stride, strides) : NULL;
    own->told.name = copied(&at, row->told.name, name);
    own->told.dtype = copied(&at, row->told.dtype, dtype);
    own->told.data = NULL;
    return own;
}

int ckpt_rows_add(struct ckpt_rows *rows, const struct ckpt_tensor *row)
{
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 16;
        struct ckpt_tensor **more = realloc(rows->at, room * sizeof(*more));
        if (!more)
            return POLYFS_NOMEM;
        rows->at = more;
        rows->room = room;
    }
    struct ckpt_tensor *own = row_copy(row);
    if (!own)
        return POLYFS_NOMEM;
    rows->at[rows->count++] = own;
    return POLYFS_OK;
}

void ckpt_rows_clear(struct ckpt_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->at[i]);
    free(rows->at);
    *rows = (struct ckpt_rows){NULL, 0, 0};
}

/* The caller's array has rows of its own size, when it was compiled with another header. */
const struct polyfs_tensor **ckpt_tensor_pointers(const struct polyfs_tensor *tensors, size_t count)
{
    const size_t stride = count && tensors->struct_size ? tensors->struct_size : sizeof(*tensors);
    const struct polyfs_tensor **at = malloc((count ? count : 1) * sizeof(*at));
    for (size_t i = 0; i < count && at; i++)
        at[i] = (const struct polyfs_tensor *)(const void *)((const char *)tensors + i * stride);
    return at;
}

/* ---- making ----------------------------------------------------------------------------------------------------- */

int ckpt_tensors_new(struct polyfs_fs *fs, const struct polyfs_call_opts *call, size_t shards,
                     struct polyfs_tensors **out)
{
    struct polyfs_tensors *tensors = calloc(1, sizeof(*tensors));
    if (!tensors)
        return POLYFS_NOMEM;
    pthread_mutex_init(&tensors->lock, NULL);
    tensors->call = call ? *call : (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    tensors->fs = polyfs_fs_ref(fs);
    tensors->shards = calloc(shards ? shards : 1, sizeof(*tensors->shards));
    if (!tensors->shards || ckpt_text_set(&tensors->state, "{}") != POLYFS_OK) {
        polyfs_tensors_close(tensors);
        return POLYFS_NOMEM;
    }
    *out = tensors;
    return POLYFS_OK;
}

int ckpt_tensors_shard(struct polyfs_tensors *tensors, const char *name, char *path, uint64_t size)
{
    struct ckpt_shard *shard = &tensors->shards[tensors->shard_count++];
    shard->path = path;
    shard->size = size;
    return path ? ckpt_text_set(&shard->name, name) : POLYFS_NOMEM;
}

int ckpt_tensors_add(struct polyfs_tensors *tensors, const struct ckpt_tensor *row)
{
    struct ckpt_tensor own = *row;
    own.shard = tensors->shard_count - 1;
    own.told.struct_size = sizeof(own.told);
    own.told.file = tensors->shards[own.shard].name;
    return ckpt_rows_add(&tensors->rows, &own);
}

/* Of one name, the first comes first. */
static int by_name(const void *a, const void *b)
{
    const struct ckpt_tensor *x = *(struct ckpt_tensor *const *)a, *y = *(struct ckpt_tensor *const *)b;
    int order = strcmp(x->told.name, y->told.name);
    return order ? order : x->shard < y->shard ? -1 : x->shard > y->shard;
}

int ckpt_tensors_seal(struct polyfs_tensors *tensors)
{
    const size_t count = tensors->rows.count;
    tensors->by_name = malloc((count ? count : 1) * sizeof(*tensors->by_name));
    if (!tensors->by_name)
        return POLYFS_NOMEM;
    for (size_t i = 0; i < count; i++)
        tensors->by_name[i] = tensors->rows.at[i];
    qsort(tensors->by_name, count, sizeof(*tensors->by_name), by_name);
    return POLYFS_OK;
}

void polyfs_tensors_close(struct polyfs_tensors *tensors)
{
    if (!tensors)
        return;
    for (size_t i = 0; i < tensors->shard_count; i++) {
        polyfs_reader_close(tensors->shards[i].reader);
        free(tensors->shards[i].name);
        free(tensors->shards[i].path);
        free(tensors->shards[i].head);
    }
    ckpt_rows_clear(&tensors->rows);
    free(tensors->by_name);
    free(tensors->shards);
    free(tensors->state);
    polyfs_fs_close(tensors->fs);
    pthread_mutex_destroy(&tensors->lock);
    free(tensors);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

int ckpt_shard_reader(struct polyfs_tensors *tensors, size_t shard, struct polyfs_reader **out,
                      struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    struct ckpt_shard *file = &tensors->shards[shard];
    int rc = POLYFS_OK;
    opts.call = &tensors->call;
    opts.merge_gap = 0; /* tensors_read.c says what is worth fetching beside */
    pthread_mutex_lock(&tensors->lock);
    if (!file->reader)
        rc = polyfs_reader_open(tensors->fs, file->path, &opts, &file->reader, err);
    if (rc == POLYFS_OK)
        *out = file->reader;
    pthread_mutex_unlock(&tensors->lock);
    return rc;
}

int ckpt_shard_gone(struct polyfs_tensors *tensors, size_t shard, int rc, struct polyfs_error *err)
{
    const struct ckpt_shard *file = &tensors->shards[shard];
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(tensors->fs, file->path, &tensors->call, err);
    if (rc == POLYFS_NOT_FOUND && tensors->own)
        rc = ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", file->name, "it is missing");
    return rc;
}

int ckpt_shard_read(const struct ckpt_shard *shard, uint64_t offset, void *buffer, size_t size,
                    struct polyfs_error *err)
{
    size_t n = size;
    int rc = POLYFS_OK;
    if (!size)
        return rc;
    if (offset <= shard->head_size && size <= shard->head_size - offset)
        memcpy(buffer, shard->head + offset, size);
    else
        rc = polyfs_reader_pread(shard->reader, offset, buffer, size, &n, err);
    if (rc == POLYFS_OK && n < size)
        rc = ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", shard->name, "it ends in the middle of them");
    return rc;
}

static int head_read(struct ckpt_shard *shard, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    shard->head = malloc(CKPT_HEAD_BYTES);
    if (!shard->head)
        return ckpt_fail(err, POLYFS_NOMEM, "read the tensors of", shard->name, "no memory");
    int rc = polyfs_reader_pread(shard->reader, 0, shard->head, CKPT_HEAD_BYTES, &shard->head_size, err);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_stat(shard->reader, &stat, err);
    shard->size = stat.size;
    return rc;
}

int ckpt_tensors_index(struct polyfs_tensors *tensors, struct polyfs_error *err)
{
    struct polyfs_reader *reader;
    struct ckpt_shard *shard = &tensors->shards[tensors->shard_count - 1];
    int rc = ckpt_shard_reader(tensors, tensors->shard_count - 1, &reader, err);
    if (rc == POLYFS_OK)
        rc = head_read(shard, err);
    if (rc == POLYFS_OK && shard->head_size >= 2 && memcmp(shard->head, "PK", 2) == 0)
        rc = ckpt_torch_index(tensors, err);
    else if (rc == POLYFS_OK)
        rc = ckpt_safetensors_index(tensors, err);
    rc = ckpt_shard_gone(tensors, tensors->shard_count - 1, rc, err);
    free(shard->head);
    shard->head = NULL;
    shard->head_size = 0;
    return rc;
}

int polyfs_tensors_open(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *call,
                        struct polyfs_tensors **out_tensors, struct polyfs_error *err)
{
    struct polyfs_tensors *tensors = NULL;
    int rc = ckpt_tensors_new(fs, call, 1, &tensors);
    if (rc == POLYFS_OK)
        rc = ckpt_tensors_shard(tensors, path, strdup(path), 0);
    if (rc != POLYFS_OK)
        ckpt_fail(err, rc, "read the tensors of", path, "no memory");
    else
        rc = ckpt_tensors_index(tensors, err);
    if (rc == POLYFS_OK && (rc = ckpt_tensors_seal(tensors)) != POLYFS_OK)
        ckpt_fail(err, rc, "read the tensors of", path, "no memory");
    if (rc == POLYFS_OK)
        *out_tensors = tensors;
    else
        polyfs_tensors_close(tensors);
    return rc;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

size_t polyfs_tensors_count(const struct polyfs_tensors *tensors)
{
    return tensors->rows.count;
}

const struct polyfs_tensor *polyfs_tensors_at(const struct polyfs_tensors *tensors, size_t index)
{
    return index < tensors->rows.count ? &tensors->rows.at[index]->told : NULL;
}

const struct polyfs_tensor *polyfs_tensors_find(const struct polyfs_tensors *tensors, const char *name)
{
    size_t low = 0, high = tensors->rows.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(tensors->by_name[middle]->told.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == tensors->rows.count || strcmp(tensors->by_name[low]->told.name, name) != 0)
        return NULL;
    return &tensors->by_name[low]->told;
}

const char *polyfs_tensors_state(const struct polyfs_tensors *tensors)
{
    return tensors->state;
}

/* When a byte does not fit, the last star takes one byte more: earlier stars need not be tried again. */
int polyfs_tensor_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *taken = NULL;
    for (;;) {
        const char *literal = *pattern == '\\' && pattern[1] ? pattern + 1 : pattern;
        if (*pattern == '*') {
            star = ++pattern;
            taken = name;
        } else if (*name && ((literal == pattern && *pattern == '?') || *literal == *name)) {
            pattern = literal + 1;
            name++;
        } else if (!*name && !*pattern) {
            return 1;
        } else if (star && *taken) {
            pattern = star;
            name = ++taken;
        } else {
            return 0;
        }
    }
}
