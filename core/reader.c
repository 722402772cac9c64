/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers. Where the plugin has a reader of its own, that pins the object (an open descriptor does); elsewhere the
 * first read tells the etag and every later one asks for that etag only. Invariant: once `pinned`, `stat` never
 * changes, so any number of threads may read by it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/ahead.h"
#include "core/budget.h"
#include "core/get.h"
#include "core/reader.h"
#include "core/sum.h"
#include "core/wide.h"

#define WHOLE_MIN (UINT64_C(64) << 10) /* a shorter first read is a look at how it begins */

struct polyfs_reader {
    /* immutable */
    struct polyfs_fs *fs;
    char *path, *version;
    char *if_match; /* only that etag; NULL any */
    struct polyfs_call_opts call;
    void *handle; /* the plugin's, or NULL */
    uint64_t gap; /* of vectored reads */
    uint64_t ahead_max;

    /* guarded by mu until pinned is set, then immutable */
    pthread_mutex_t mu;
    atomic_int pinned;
    struct polyfs_stat stat;

    /* one thread at a time */
    uint64_t position;
    uint64_t read_end;       /* where the read before ended: one that begins there goes on */
    struct pfs_ahead *ahead; /* NULL until reading goes on */
    struct pfs_sum sum;      /* of all that was read in order from the start */
};

static int open_handle(struct pfs_verb *v, struct polyfs_reader *reader)
{
    if (!pfs_slot_present(v->fs, PFS_READER_OPEN))
        return POLYFS_OK;
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_READER_OPEN);
    r.u.read.version = reader->version;
    r.u.read.out_reader = &reader->handle;
    r.u.read.out = &reader->stat;
    int rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK && reader->if_match && strcmp(reader->if_match, reader->stat.etag) != 0)
        rc = polyfs_fail(&v->error, POLYFS_CHANGED, "it is not the version that was named");
    if (rc == POLYFS_OK)
        atomic_store(&reader->pinned, 1);
    return rc;
}

static void reader_free(struct polyfs_reader *reader)
{
    pfs_ahead_free(reader->ahead);
    if (reader->handle)
        reader->fs->plugin->tables.reader.close(reader->handle);
    pthread_mutex_destroy(&reader->mu);
    free(reader->path);
    free(reader->version);
    free(reader->if_match);
    polyfs_fs_close(reader->fs);
    free(reader);
}

static struct polyfs_reader *reader_new(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts)
{
    struct polyfs_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return NULL;
    reader->fs = polyfs_fs_ref(fs);
    reader->path = strdup(path);
    reader->version = opts && opts->version ? strdup(opts->version) : NULL;
    reader->if_match = opts && opts->condition.if_match ? strdup(opts->condition.if_match) : NULL;
    reader->call = (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    if (opts && opts->call)
        reader->call = *opts->call;
    reader->gap = opts ? opts->merge_gap : ((struct polyfs_read_opts)POLYFS_READ_OPTS_INIT).merge_gap;
    reader->ahead_max = opts ? opts->read_ahead_max : 0;
    reader->read_end = UINT64_MAX;
    reader->stat = (struct polyfs_stat)POLYFS_STAT_INIT;
    pthread_mutex_init(&reader->mu, NULL);
    if (!reader->path || (opts && opts->version && !reader->version) ||
        (opts && opts->condition.if_match && !reader->if_match)) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

int polyfs_reader_open(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts,
                       struct polyfs_reader **out_reader, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_reader *reader = NULL;
    int rc = pfs_verb_begin(&v, "open", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts &&
        (opts->flags || opts->condition.if_none_match || opts->condition.if_modified_ns != POLYFS_TIME_UNKNOWN))
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED,
                         "a reader takes no flags, and of the conditions if_match only");
    if (rc == POLYFS_OK && opts && opts->version)
        rc = pfs_verb_gate(&v, POLYFS_FACT_VERSIONS, "keep versions");
    if (rc == POLYFS_OK && !(reader = reader_new(fs, path, opts)))
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for a reader");
    if (rc == POLYFS_OK)
        rc = open_handle(&v, reader);
    if (rc == POLYFS_OK) {
        pfs_budget_handle(1);
        *out_reader = reader;
    } else if (reader) {
        reader_free(reader);
    }
    return pfs_verb_end(&v, rc, err);
}

void polyfs_reader_close(struct polyfs_reader *reader)
{
    if (!reader)
        return;
    reader_free(reader);
    pfs_budget_handle(-1);
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static int get_pinned(struct pfs_verb *v, const struct polyfs_reader *reader, uint64_t offset, void *buffer,
                      uint64_t size, uint64_t *out_n)
{
    struct polyfs_get_request request = {.struct_size = sizeof(request),
                                         .offset = offset,
                                         .length = size,
                                         .version = reader->version,
                                         .condition = POLYFS_CONDITION_INIT};
    request.condition.if_match = reader->stat.etag[0] ? reader->stat.etag : NULL;
    if (offset >= reader->stat.size) {
        *out_n = 0;
        return POLYFS_OK;
    }
    return pfs_get_range(v, &request, buffer, out_n, NULL);
}

/* The first read pins; others wait for it, since two first reads could see two versions. */
static int get_first(struct pfs_verb *v, struct polyfs_reader *reader, uint64_t offset, void *buffer, uint64_t size,
                     uint64_t *out_n)
{
    struct polyfs_get_request request = {.struct_size = sizeof(request),
                                         .offset = offset,
                                         .length = size,
                                         .version = reader->version,
                                         .condition = POLYFS_CONDITION_INIT};
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    request.condition.if_match = reader->if_match;
    request.flags = !offset && size >= WHOLE_MIN ? POLYFS_GET_WHOLE : 0;
    pthread_mutex_lock(&reader->mu);
    if (atomic_load(&reader->pinned)) {
        pthread_mutex_unlock(&reader->mu);
        return get_pinned(v, reader, offset, buffer, size, out_n);
    }
    int rc = pfs_get_range(v, &request, buffer, out_n, &stat);
    if (rc == POLYFS_RANGE &&
        offset) { /* behind the end there is nothing; which version that is, its first byte tells */
        char byte;
        request.offset = 0;
        request.length = 1;
        request.flags = 0;
        rc = pfs_get_range(v, &request, &byte, out_n, &stat);
        *out_n = rc == POLYFS_OK ? 0 : *out_n;
    }
    if (rc == POLYFS_OK) {
        reader->stat = stat;
        atomic_store(&reader->pinned, 1);
    }
    pthread_mutex_unlock(&reader->mu);
    return rc;
}

static int read_handle(struct pfs_verb *v, const struct polyfs_reader *reader, uint64_t offset, void *buffer,
                       uint64_t size, uint64_t *out_n)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_READER_PREAD);
    r.handle = reader->handle;
    r.u.read.offset = offset;
    r.u.read.buffer = buffer;
    r.u.read.length = size;
    r.u.read.out_n = out_n;
    return pfs_verb_run(v, &r);
}

static int read_range(struct pfs_verb *v, struct polyfs_reader *reader, uint64_t offset, void *buffer,
                      uint64_t size, uint64_t *out_n)
{
    uint64_t part = reader->fs->part_bytes;
    if (!reader->handle && !atomic_load(&reader->pinned)) {
        /* Of a large range the first part comes first: it tells which version the others are to be of. */
        int wide = pfs_wide_pays(reader->fs, size);
        int rc = get_first(v, reader, offset, buffer, wide ? part : size, out_n);
        if (rc != POLYFS_OK || !wide || *out_n < part)
            return rc;
        uint64_t more = 0;
        rc = read_range(v, reader, offset + part, (char *)buffer + part, size - part, &more);
        *out_n += more;
        return rc;
    }
    if (offset < reader->stat.size && size > reader->stat.size - offset)
        size = reader->stat.size - offset;
    if (offset < reader->stat.size && pfs_wide_pays(reader->fs, size)) {
        const struct pfs_wide wide = {reader->handle, reader->stat.etag, reader->version, offset, buffer, size};
        return pfs_wide_read(v, &wide, out_n);
    }
    return reader->handle ? read_handle(v, reader, offset, buffer, size, out_n)
                          : get_pinned(v, reader, offset, buffer, size, out_n);
}

int polyfs_reader_pread(struct polyfs_reader *reader, uint64_t offset, void *buffer, size_t size, size_t *out_n,
                        struct polyfs_error *err)
{
    struct pfs_verb v;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", reader->fs, reader->path, &reader->call);
    if (rc == POLYFS_OK)
        rc = read_range(&v, reader, offset, buffer, size, &n);
    if (rc == POLYFS_OK)
        *out_n = n;
    return pfs_verb_end(&v, rc, err);
}

/* Reading goes on where it ended: then it is worth reading ahead. A read of more than a part overlaps by itself. */
static int goes_on(struct polyfs_reader *reader, uint64_t size)
{
    if (!reader->fs->network || size > reader->fs->part_bytes || reader->position != reader->read_end ||
        !atomic_load(&reader->pinned))
        return 0;
    if (!reader->ahead)
        reader->ahead = pfs_ahead_new(reader->ahead_max, reader->call.cancel);
    return reader->ahead != NULL;
}

/* Who reads all of it, from start to end, learns at the end whether that is what the store keeps. */
static int add_up(struct pfs_verb *v, struct polyfs_reader *reader, const void *data, uint64_t n)
{
    if (!reader->position)
        pfs_sum_begin(&reader->sum, &reader->stat);
    if (n == reader->stat.size && n <= reader->fs->part_bytes && !reader->handle && !reader->ahead)
        return POLYFS_OK; /* one answer, which was checked as it came */
    if (!n || reader->sum.kind == POLYFS_CHECKSUM_NONE || reader->position != reader->sum.bytes)
        return POLYFS_OK;
    pfs_sum_add(&reader->sum, reader->position, data, n);
    return pfs_sum_check(&reader->sum, &v->error);
}

int polyfs_reader_read(struct polyfs_reader *reader, void *buffer, size_t size, size_t *out_n,
                       struct polyfs_error *err)
{
    struct pfs_verb v;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", reader->fs, reader->path, &reader->call);
    if (rc == POLYFS_OK && size && goes_on(reader, size))
        rc = pfs_ahead_read(reader->ahead, &v, reader, reader->position, buffer, size, &n);
    else if (rc == POLYFS_OK && size)
        rc = read_range(&v, reader, reader->position, buffer, size, &n);
    if (rc == POLYFS_OK)
        rc = add_up(&v, reader, buffer, n);
    if (rc == POLYFS_OK) {
        reader->position += n;
        reader->read_end = reader->position;
        *out_n = n;
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_reader_seek(struct polyfs_reader *reader, uint64_t offset, struct polyfs_error *err)
{
    (void)err;
    reader->position = offset;
    return POLYFS_OK;
}

int polyfs_reader_stat(struct polyfs_reader *reader, struct polyfs_stat *out, struct polyfs_error *err)
{
    char byte;
    size_t n;
    int rc = POLYFS_OK;
    if (!atomic_load(&reader->pinned))
        rc = polyfs_reader_pread(reader, 0, &byte, 1, &n, err);
    if (rc == POLYFS_OK)
        pfs_stat_out(out, &reader->stat);
    return rc;
}

/* ---- for vectored reads -------------------------------------------------------------------------------------------- */

int pfs_reader_begin(struct polyfs_reader *reader, struct pfs_verb *v)
{
    return pfs_verb_begin(v, "read", reader->fs, reader->path, &reader->call);
}

int pfs_reader_pin(struct pfs_verb *v, struct polyfs_reader *reader)
{
    char byte;
    uint64_t n = 0;
    if (reader->handle || atomic_load(&reader->pinned))
        return POLYFS_OK;
    return get_first(v, reader, 0, &byte, 1, &n);
}

int pfs_read_request(struct pfs_verb *v, struct polyfs_reader *reader, struct pfs_read *read, uint64_t offset,
                     void *buffer, uint64_t length)
{
    uint64_t size = reader->stat.size;
    if (offset >= size)
        length = 0;
    else if (length > size - offset)
        length = size - offset;
    *read = (struct pfs_read){.n = 0};
    if (!length)
        return 0;
    if (reader->handle) {
        read->r = PFS_REQUEST_OF(v, PFS_READER_PREAD);
        read->r.handle = reader->handle;
        read->r.u.read.offset = offset;
        read->r.u.read.buffer = buffer;
        read->r.u.read.length = length;
        read->r.u.read.out_n = &read->n;
        return 1;
    }
    read->request = (struct polyfs_get_request){.struct_size = sizeof(read->request),
                                                .offset = offset,
                                                .length = length,
                                                .version = reader->version,
                                                .condition = POLYFS_CONDITION_INIT};
    read->request.condition.if_match = reader->stat.etag[0] ? reader->stat.etag : NULL;
    read->r = PFS_REQUEST_OF(v, PFS_GET);
    read->r.u.get.request = &read->request;
    read->r.u.get.buffer = buffer;
    read->r.u.get.out_n = &read->n;
    return 1;
}

int pfs_reader_is_network(const struct polyfs_reader *reader)
{
    return reader->fs->network;
}

uint64_t pfs_reader_gap(const struct polyfs_reader *reader)
{
    return reader->gap;
}
