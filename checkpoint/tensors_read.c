/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of tensors. Those that are packed go straight from the store into the caller's memory, large ones in pieces
 * that come side by side; small ones that lie close together come in one request, whose gaps are read and thrown away.
 * Files are read side by side, too: each may be so small that it is one request. One that is a view of a larger storage (torch) is read with what lies between and gathered.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tensors.h"

#define PIECE_BYTES (UINT64_C(8) << 20)  /* of one request: core merges no more than that either */
#define WASTE_BYTES (UINT64_C(64) << 10) /* of gaps that are read, for each file */
#define PASS_BYTES ((size_t)1 << 20)
#define BESIDE_MAX 4 /* files under way besides the last, which this thread reads: polyfs has four threads */

/* One tensor that is wanted. */
struct job {
    const struct ckpt_tensor *row;
    void *buffer;
    uint64_t bytes; /* from row->offset on */
    size_t pending; /* pieces under way */
    int code;
    struct polyfs_tensor_read *read; /* whose code it becomes */
};

/* The packed reads of one file. */
struct batch {
    struct polyfs_tensors *tensors;
    struct job *jobs;
    size_t job_count;
    struct polyfs_range *ranges; /* pieces by offset, then the gaps */
    size_t count;
    char *waste; /* WASTE_BYTES for the gaps; or NULL */
    const char *file;
    struct polyfs_error first; /* of the first tensor that failed */
    struct polyfs_op *op;      /* reads them beside; or NULL */
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
        range->code = POLYFS_NOMEM; /* of those that never land */
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

/* Jobs of one file, none of them a view, become ranges of its reader. */
static int batch_plan(struct batch *batch, struct polyfs_tensors *tensors, struct job *jobs, size_t count,
                      struct polyfs_reader **out_reader, struct polyfs_error *err)
{
    const struct ckpt_tensor *first = jobs[0].row;
    size_t pieces = 0;
    *batch = (struct batch){.tensors = tensors, .jobs = jobs, .job_count = count, .file = first->told.file};
    batch->first = (struct polyfs_error)POLYFS_ERROR_INIT;
    int rc = ckpt_shard_reader(tensors, first->shard, out_reader, err);
    for (size_t i = 0; i < count; i++)
        pieces += pieces_of(jobs[i].bytes);
    if (rc != POLYFS_OK)
        return rc;
    batch->ranges = calloc(2 * pieces + 1, sizeof(*batch->ranges));
    if (!batch->ranges)
        return no_memory(batch->file, err);
    for (size_t i = 0; i < count; i++)
        add_pieces(batch, &jobs[i]);
    if (batch->count)
        add_gaps(batch);
    return POLYFS_OK;
}

/* Each job ends with its own code, and with @rc when its pieces did not land. */
static int batch_end(struct batch *batch, int rc, struct polyfs_error *err)
{
    const int gone = rc == POLYFS_NOT_FOUND;
    rc = ckpt_shard_gone(batch->tensors, batch->jobs[0].row->shard, rc, err);
    for (size_t i = 0; i < batch->job_count && rc != POLYFS_OK; i++) {
        struct job *job = &batch->jobs[i];
        if ((gone && job->code == POLYFS_NOT_FOUND) || (job->code == POLYFS_OK && (job->pending || !batch->ranges)))
            job->code = rc;
    }
    if (rc == POLYFS_OK && batch->first.code != POLYFS_OK) {
        rc = batch->first.code;
        if (err)
            *err = batch->first;
    }
    free(batch->waste);
    free(batch->ranges);
    return rc;
}

/* On this thread: what has landed is checked while the rest is under way. */
static int read_packed(struct polyfs_tensors *tensors, struct job *jobs, size_t count, struct polyfs_error *err)
{
    struct batch batch;
    struct polyfs_reader *reader;
    int rc = batch_plan(&batch, tensors, jobs, count, &reader, err);
    if (rc == POLYFS_OK && batch.count)
        rc = polyfs_reader_readv(reader, batch.ranges, batch.count, landed, &batch, err);
    return batch_end(&batch, rc, err);
}

/* On a thread of polyfs. No callback: the operation would stand still until it is waited for. */
static int beside_begin(struct batch *batch, struct polyfs_tensors *tensors, struct job *jobs, size_t count,
                        struct polyfs_error *err)
{
    struct polyfs_reader *reader;
    int rc = batch_plan(batch, tensors, jobs, count, &reader, err);
    if (rc == POLYFS_OK && batch->count)
        rc = polyfs_reader_readv_submit(reader, batch->ranges, batch->count, NULL, NULL, &batch->op, err);
    return rc == POLYFS_OK ? rc : batch_end(batch, rc, err);
}

static int beside_end(struct batch *batch, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (batch->op) {
        rc = polyfs_op_wait(batch->op, UINT32_MAX, err);
        for (size_t i = 0; i < batch->count; i++)
            landed(&batch->ranges[i], batch);
    }
    polyfs_op_free(batch->op);
    return batch_end(batch, rc, err);
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

static void keep_first(int *first, int rc, const struct polyfs_error *why, struct polyfs_error *err)
{
    if (*first != POLYFS_OK || rc == POLYFS_OK)
        return;
    *first = rc;
    if (err)
        *err = *why;
}

static int by_shard(const void *a, const void *b)
{
    const struct job *x = a, *y = b;
    return x->row->shard < y->row->shard ? -1 : x->row->shard > y->row->shard;
}

/* The packed ones, those of a file together. @return how many */
static size_t jobs_of(struct polyfs_tensor_read *reads, size_t count, struct job *jobs)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ckpt_tensor *row = (const struct ckpt_tensor *)(const void *)reads[i].tensor;
        if (!row->stride)
            jobs[n++] =
                (struct job){.row = row, .buffer = reads[i].buffer, .bytes = row->told.bytes, .read = &reads[i]};
    }
    qsort(jobs, n, sizeof(*jobs), by_shard);
    return n;
}

static size_t same_shard(const struct job *jobs, size_t count)
{
    size_t n = 1;
    while (n < count && jobs[n].row->shard == jobs[0].row->shard)
        n++;
    return n;
}

static void end_one(struct batch *batch, int *first, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = beside_end(batch, &why);
    keep_first(first, rc, &why, err);
}

/* The last file is read here, those before it beside; the oldest ends before one too many begins. */
static int read_files(struct polyfs_tensors *tensors, struct job *jobs, size_t count, struct polyfs_error *err)
{
    struct batch beside[BESIDE_MAX];
    size_t begun = 0, ended = 0, n;
    int first = POLYFS_OK, rc;
    for (size_t at = 0; at < count; at += n) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        n = same_shard(&jobs[at], count - at);
        if (begun - ended == BESIDE_MAX)
            end_one(&beside[ended++ % BESIDE_MAX], &first, err);
        if (at + n == count)
            rc = read_packed(tensors, &jobs[at], n, &why);
        else if ((rc = beside_begin(&beside[begun % BESIDE_MAX], tensors, &jobs[at], n, &why)) == POLYFS_OK)
            begun++;
        keep_first(&first, rc, &why, err);
    }
    while (ended < begun)
        end_one(&beside[ended++ % BESIDE_MAX], &first, err);
    return first;
}

int polyfs_tensors_read(struct polyfs_tensors *tensors, struct polyfs_tensor_read *reads, size_t count,
                        struct polyfs_error *err)
{
    struct job *jobs = calloc(count + 1, sizeof(*jobs));
    if (!jobs)
        return no_memory(tensors->shard_count ? tensors->shards[0].name : "", err);
    const size_t packed = jobs_of(reads, count, jobs);
    int first = read_files(tensors, jobs, packed, err);
    for (size_t i = 0; i < packed; i++)
        jobs[i].read->code = jobs[i].code;
    for (size_t i = 0; i < count; i++) {
        const struct ckpt_tensor *row = (const struct ckpt_tensor *)(const void *)reads[i].tensor;
        struct polyfs_error why = POLYFS_ERROR_INIT;
        if (row->stride) {
            reads[i].code = read_view(tensors, row, reads[i].buffer, &why);
            keep_first(&first, reads[i].code, &why, err);
        }
    }
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
    if (rc == POLYFS_OK)
        rc = pass_packed(reader, row, take, user, err);
    return ckpt_shard_gone(tensors, row->shard, rc, err);
}
