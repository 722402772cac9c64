/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes PUT and PLACED over staging files. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "local.h"

static int check_request(const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (request->condition.create_only && request->condition.if_match)
        return polyfs_fail(err, POLYFS_INVALID, "create-only and if-match exclude each other");
    return POLYFS_OK;
}

int local_put(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const void *data,
              uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
              struct polyfs_error *err)
{
    struct local_stage stage;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK)
        rc = check_request(request, err);
    if (rc == POLYFS_OK)
        rc = local_stage_open(self, path, request, &stage, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = local_stage_write(call, &stage, 0, data, size, request->durability, err);
    if (rc == POLYFS_OK)
        rc = local_stage_publish(&stage, request, out, err);
    local_stage_close(&stage);
    return rc;
}

struct local_placed {
    struct local_stage stage;
    uint32_t durability;
};

static int local_placed_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                             const struct polyfs_put_request *request, void **out_placed, struct polyfs_error *err)
{
    struct local_placed *placed = local_host->alloc(sizeof(*placed));
    (void)path_len;
    if (!placed)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a writer");
    placed->durability = request->durability;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK)
        rc = check_request(request, err);
    if (rc == POLYFS_OK)
        rc = local_stage_open(self, path, request, &placed->stage, err);
    if (rc == POLYFS_OK)
        *out_placed = placed;
    else
        local_host->free(placed);
    return rc;
}

static int local_placed_write(struct polyfs_call *call, void *self, uint64_t offset, const void *data,
                              uint64_t size, struct polyfs_error *err)
{
    struct local_placed *placed = self;
    return local_stage_write(call, &placed->stage, offset, data, size, placed->durability, err);
}

static void local_placed_abort(struct polyfs_call *call, void *self)
{
    struct local_placed *placed = self;
    (void)call;
    local_stage_close(&placed->stage);
    local_host->free(placed);
}

/* Blocks that were reserved for a larger size, or written behind the end by a repeated part, go. */
static int local_placed_commit(struct polyfs_call *call, void *self, uint64_t size,
                               const struct polyfs_put_request *request, struct polyfs_stat *out,
                               struct polyfs_error *err)
{
    struct local_placed *placed = self;
    struct stat st;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && fstat(placed->stage.fd, &st) < 0)
        rc = local_fail(err, errno, "");
    if (rc == POLYFS_OK && (uint64_t)st.st_size != size && ftruncate(placed->stage.fd, (off_t)size) < 0)
        rc = local_fail(err, errno, "setting its size");
    if (rc == POLYFS_OK)
        rc = local_stage_publish(&placed->stage, request, out, err);
    if (rc == POLYFS_OK)
        local_placed_abort(call, placed);
    return rc;
}

const struct polyfs_placed_ops local_placed_ops = {
    .struct_size = sizeof(struct polyfs_placed_ops),
    .open = local_placed_open,
    .write = local_placed_write,
    .commit = local_placed_commit,
    .abort = local_placed_abort,
};
