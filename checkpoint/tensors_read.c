/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of tensors. Those that are packed go straight from the store into the caller's memory, large ones in pieces
 * that come side by side; small ones that lie close together come in one request, whose gaps are read and thrown away.
 * One that is a view of a larger storage (torch) is read with what lies between and gathered.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tensors.h"

#define PIECE_BYTES (UINT64_C(8) << 20)  /* of one request: core merges no more than that either */
#define WASTE_BYTES (UINT64_C(64) << 10) /* of gaps that are read, for each file */
#define PASS_BYTES ((size_t)1 << 20)

/* One tensor that is wanted. */
struct job {
    const struct ckpt_tensor *row;
    void *buffer;
    uint64_t bytes; /* from row->offset on */
    size_t pending; /* pieces under way */
    int code;
};

/* The packed reads of one file. */
struct batch {
    struct polyfs_range *ranges; /* pieces by offset, then the gaps */
    size_t count;
    char *waste; /* WASTE_BYTES for the gaps; or NULL */
    const char *file;
    struct polyfs_error first; /* of the first tensor that failed */
};

static int no_memory(const char *file, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_NOMEM, "read the tensors of", file, "no memory");
}

/* ---- landing ---------------------------------------------------------------------------------------------------- */

static int job_check(const struct job *job, struct polyfs_error *err)
{
    const struct ckpt_tensor *row = job->row;
    if (!row->has_crc || row->stride || polyfs_crc32c(0, job->buffer, job->bytes) == row->crc)
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", row->told.file,
                     "\"%s\" has another checksum than was saved", row->told.name);
}

/* A piece is there, or is known not to be; the last one of a tensor ends it. */
static void landed(struct polyfs_range *range, void *user)
{
    struct batch *batch = user;
    struct job *job = range->user;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    if (!job)
        return;
    if (job->code == POLYFS_OK)
        job->code = range->code;
    if (job->code == POLYFS_OK && range->bytes < range->length)
        job->code = ckpt_fail(&why, POLYFS_CORRUPT, "read the tensors of", batch->file,
                              "it ends in the middle of \"%s\"", job->row->told.name);
    if (--job->pending == 0 && job->code == POLYFS_OK)
        job->code = job_check(job, &why);
    if (why.code != POLYFS_OK && batch->first.code == POLYFS_OK)
        batch->first = why;
}

/* ---- planning --------------------------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const struct polyfs_range *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static size_t pieces_of(uint64_t bytes)
{
    return (size_t)((bytes + PIECE_BYTES - 1) / PIECE_BYTES);
}

static void add_pieces(struct batch *batch, struct job *job)
{
    for (uint64_t at = 0; at < job->bytes; at += PIECE_BYTES) {
        struct polyfs_range *range = &batch->ranges[batch->count++];
        *range = (struct polyfs_range){.offset = job->row->offset + at, .user = job};
        range->length = job->bytes - at < PIECE_BYTES ? job->bytes - at : PIECE_BYTES;
        range->buffer = (char *)job->buffer + at;
        job->pending++;
    }
}

/* The gap behind a piece, if reading it saves a request; else 0. */
static uint64_t gap_behind(const struct polyfs_range *piece)
{
    uint64_t end = piece[0].offset + piece[0].length;
    if (piece[1].offset <= end || piece[1].offset - end > WASTE_BYTES ||
        piece[1].offset + piece[1].length - piece[0].offset > PIECE_BYTES)
        return 0;
    return piece[1].offset - end;
}

static int by_length(const void *a, const void *b)
{
    const struct polyfs_range *x = a, *y = b;
    return x->length < y->length ? -1 : x->length > y->length;
}

/* The smallest gaps, as many as the waste allows, become ranges of their own that join their neighbours. */
static void add_gaps(struct batch *batch)
{
    const size_t pieces = batch->count;
    struct polyfs_range *gaps = &batch->ranges[pieces];
    size_t found = 0;
    uint64_t waste = 0;
    qsort(batch->ranges, pieces, sizeof(*batch->ranges), by_offset);
    for (size_t i = 0; i + 1 < pieces; i++) {
        uint64_t gap = gap_behind(&batch->ranges[i]);
        if (gap)
            gaps[found++] =
                (struct polyfs_range){.offset = batch->ranges[i].offset + batch->ranges[i].length, .length = gap};
    }
    qsort(gaps, found, sizeof(*gaps), by_length);
    batch->waste = found ? malloc(WASTE_BYTES) : NULL; /* without it the requests are more */
    for (size_t i = 0; batch->waste && i < found && waste + gaps[i].length <= WASTE_BYTES; i++) {
        gaps[i].buffer = batch->waste + waste;
        waste += gaps[i].length;
        batch->count++;
    }
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Jobs of one file, none of them a view; each ends with its own code. */
static int read_packed(struct polyfs_tensors *tensors, struct job *jobs, size_t count, struct polyfs_error *err)
{
    const struct ckpt_tensor *first = jobs[0].row;
    struct batch batch = {.file = first->told.file, .first = POLYFS_ERROR_INIT};
    struct polyfs_reader *reader;
    size_t pieces = 0;
    int rc = ckpt_shard_reader(tensors, first->shard, &reader, err);
    for (size_t i = 0; i < count; i++)
        pieces += pieces_of(jobs[i].bytes);
    batch.ranges = rc == POLYFS_OK ? calloc(2 * pieces + 1, sizeof(*batch.ranges)) : NULL;
    if (rc == POLYFS_OK && !batch.ranges)
        rc = no_memory(batch.file, err);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        add_pieces(&batch, &jobs[i]);
    if (rc == POLYFS_OK && batch.count) {
        add_gaps(&batch);
        rc = polyfs_reader_readv(reader, batch.ranges, batch.count, landed, &batch, err);
    } else {
        for (size_t i = 0; i < count; i++)
            jobs[i].code = rc;
    }
    if (rc == POLYFS_OK && batch.first.code != POLYFS_OK) {
        rc = batch.first.code;
        if (err)
            *err = batch.first;
    }
    free(batch.waste);
    free(batch.ranges);
    return rc;
}

static size_t element_bytes(const struct ckpt_tensor *row)
{
    return ckpt_dtype_bits(row->told.dtype) / 8;
}

/* How many elements lie between the first and the last of a view, both counted. */
static uint64_t span_of(const struct ckpt_tensor *row)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < row->told.rank; i++)
        last += (row->told.shape[i] - 1) * (uint64_t)row->stride[i];
    return last + 1;
}

/* Elements of a view, in order of their indices. */
static void gather(const struct ckpt_tensor *row, const char *storage, char *to)
{
    const size_t size = element_bytes(row);
    uint64_t index[CKPT_RANK_MAX] = {0}, at = 0;
    for (uint64_t done = 0; done < row->told.bytes; done += size) {
        memcpy(to + done, storage + at * size, size);
        for (uint32_t axis = row->told.rank; axis-- > 0;) {
            at += (uint64_t)row->stride[axis];
            if (++index[axis] < row->told.shape[axis])
                break;
            at -= index[axis] * (uint64_t)row->stride[axis];
            index[axis] = 0;
        }
    }
}

static int read_view(struct polyfs_tensors *tensors, const struct ckpt_tensor *row, void *buffer,
                     struct polyfs_error *err)
{
    if (!row->told.bytes)
        return POLYFS_OK;
    struct job job = {.row = row, .bytes = span_of(row) * element_bytes(row)};
    job.buffer = malloc(job.bytes);
    if (!job.buffer)
        return no_memory(row->told.file, err);
    int rc = read_packed(tensors, &job, 1, err);
    if (rc == POLYFS_OK)
        gather(row, job.buffer, buffer);
    free(job.buffer);
    return rc;
}

/* ---- many at once ----------------------------------------------------------------------------------------------- */

/* The packed ones of one file, out of all reads; their codes go back. */
static int read_shard(struct polyfs_tensors *tensors, size_t shard, struct polyfs_tensor_read *reads, size_t count,
                      struct job *jobs, struct polyfs_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ckpt_tensor *row = (const struct ckpt_tensor *)(const void *)reads[i].tensor;
        if (row->shard == shard && !row->stride)
            jobs[n++] = (struct job){.row = row, .buffer = reads[i].buffer, .bytes = row->told.bytes};
    }
    int rc = n ? read_packed(tensors, jobs, n, err) : POLYFS_OK;
    for (size_t i = 0, j = 0; i < count; i++) {
        const struct ckpt_tensor *row = (const struct ckpt_tensor *)(const void *)reads[i].tensor;
        if (row->shard == shard && !row->stride)
            reads[i].code = jobs[j++].code;
    }
    return rc;
}

static void keep_first(int *first, int rc, const struct polyfs_error *why, struct polyfs_error *err)
{
    if (*first != POLYFS_OK || rc == POLYFS_OK)
        return;
    *first = rc;
    if (err)
        *err = *why;
}

/* Which files are wanted at all. */
static unsigned char *shards_wanted(const struct polyfs_tensors *tensors, const struct polyfs_tensor_read *reads,
                                    size_t count)
{
    unsigned char *wanted = calloc(tensors->shard_count + 1, 1);
    for (size_t i = 0; i < count && wanted; i++)
        wanted[((const struct ckpt_tensor *)(const void *)reads[i].tensor)->shard] = 1;
    return wanted;
}

int polyfs_tensors_read(struct polyfs_tensors *tensors, struct polyfs_tensor_read *reads, size_t count,
                        struct polyfs_error *err)
{
    int first = POLYFS_OK;
    const char *file = tensors->shard_count ? tensors->shards[0].name : "";
    struct job *jobs = calloc(count + 1, sizeof(*jobs));
    unsigned char *wanted = shards_wanted(tensors, reads, count);
    if (!jobs || !wanted) {
        free(jobs);
        free(wanted);
        return no_memory(file, err);
    }
    for (size_t shard = 0; shard < tensors->shard_count; shard++) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        if (wanted[shard])
            keep_first(&first, read_shard(tensors, shard, reads, count, jobs, &why), &why, err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ckpt_tensor *row = (const struct ckpt_tensor *)(const void *)reads[i].tensor;
        struct polyfs_error why = POLYFS_ERROR_INIT;
        if (row->stride) {
            reads[i].code = read_view(tensors, row, reads[i].buffer, &why);
            keep_first(&first, reads[i].code, &why, err);
        }
    }
    free(wanted);
    free(jobs);
    return first;
}

/* ---- one after another ------------------------------------------------------------------------------------------ */

static int pass_view(struct polyfs_tensors *tensors, const struct ckpt_tensor *row, ckpt_take_fn *take, void *user,
                     struct polyfs_error *err)
{
    void *buffer = malloc(row->told.bytes ? row->told.bytes : 1);
    if (!buffer)
        return no_memory(row->told.file, err);
    int rc = read_view(tensors, row, buffer, err);
    if (rc == POLYFS_OK)
        rc = take(user, buffer, row->told.bytes, err);
    free(buffer);
    return rc;
}

static int pass_packed(struct polyfs_reader *reader, const struct ckpt_tensor *row, ckpt_take_fn *take, void *user,
                       struct polyfs_error *err)
{
    uint64_t left = row->told.bytes;
    uint32_t crc = 0;
    char *buffer = malloc(PASS_BYTES);
    int rc = buffer ? polyfs_reader_seek(reader, row->offset, err) : no_memory(row->told.file, err);
    while (rc == POLYFS_OK && left) {
        size_t n = 0;
        rc = polyfs_reader_read(reader, buffer, left < PASS_BYTES ? left : PASS_BYTES, &n, err);
        if (rc == POLYFS_OK && !n)
            rc = ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", row->told.file,
                           "it ends in the middle of \"%s\"", row->told.name);
        if (rc != POLYFS_OK)
            break;
        if (row->has_crc)
            crc = polyfs_crc32c(crc, buffer, n);
        rc = take(user, buffer, n, err);
        left -= n;
    }
    free(buffer);
    if (rc == POLYFS_OK && row->has_crc && crc != row->crc)
        rc = ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", row->told.file,
                       "\"%s\" has another checksum than was saved", row->told.name);
    return rc;
}

int ckpt_tensor_pass(struct polyfs_tensors *tensors, const struct ckpt_tensor *row, ckpt_take_fn *take, void *user,
                     struct polyfs_error *err)
{
    struct polyfs_reader *reader;
    if (row->stride)
        return pass_view(tensors, row, take, user, err);
    int rc = ckpt_shard_reader(tensors, row->shard, &reader, err);
    return rc == POLYFS_OK ? pass_packed(reader, row, take, user, err) : rc;
}
