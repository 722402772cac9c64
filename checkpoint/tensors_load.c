/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of a file into those of a model, by name. All names, types and shapes are compared before a byte is read, so
 * a model is never filled in part because of what could be told before.
 */
#include <stdlib.h>
#include <string.h>

#include "differ.h"
#include "run.h"
#include "tensors.h"

#define WHAT "load the tensors of"

struct load {
    struct polyfs_tensors *tensors;
    const struct polyfs_tensor **into; /* by name */
    size_t count;
    struct polyfs_tensor_read *reads;
    size_t found;
    uint32_t flags;
    struct ckpt_differ differ;
};

static int by_name(const void *a, const void *b)
{
    const struct polyfs_tensor *x = *(const struct polyfs_tensor *const *)a,
                               *y = *(const struct polyfs_tensor *const *)b;
    return strcmp(x->name, y->name);
}

static int same_kind(const struct load *load, const struct polyfs_tensor *want, const struct polyfs_tensor *have,
                     struct polyfs_error *err)
{
    if (strcmp(want->dtype, have->dtype) == 0 && want->rank == have->rank && want->bytes == have->bytes &&
        (!want->rank || memcmp(want->shape, have->shape, want->rank * sizeof(*want->shape)) == 0))
        return POLYFS_OK;
    return ckpt_fail(
        err, POLYFS_INVALID, WHAT, have->file,
        "\"%s\" is %s of rank %u with %llu bytes there, and %s of rank %u with %llu bytes here (or its "
        "shape differs); of %zu nothing was read",
        want->name, have->dtype, have->rank, (unsigned long long)have->bytes, want->dtype, want->rank,
        (unsigned long long)want->bytes, load->count);
}

/* What is wanted and there becomes a read. */
static int match(struct load *load, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < load->count && rc == POLYFS_OK; i++) {
        const struct polyfs_tensor *want = load->into[i], *have = polyfs_tensors_find(load->tensors, want->name);
        if (!have) {
            ckpt_differs(&load->differ, want->name, 0);
            continue;
        }
        rc = same_kind(load, want, have, err);
        load->reads[load->found++] = (struct polyfs_tensor_read){have, want->data, POLYFS_OK, 0};
    }
    return rc;
}

/* What is there and not wanted. */
static void look_for_unexpected(struct load *load)
{
    for (size_t i = 0; i < load->tensors->rows.count; i++) {
        const struct polyfs_tensor *have = &load->tensors->rows.at[i]->told;
        if (!bsearch(&have, load->into, load->count, sizeof(*load->into), by_name))
            ckpt_differs(&load->differ, have->name, 1);
    }
}

static int strict_check(const struct load *load, struct polyfs_error *err)
{
    if (!(load->flags & POLYFS_TENSORS_STRICT) || !load->differ.first)
        return POLYFS_OK;
    return ckpt_fail(err, ckpt_differ_code(&load->differ), WHAT,
                     load->tensors->shard_count ? load->tensors->shards[0].name : "a checkpoint",
                     "%zu tensors are missing in it and %zu unexpected, \"%s\" first; load it without "
                     "POLYFS_TENSORS_STRICT to take those that fit",
                     load->differ.missing, load->differ.unexpected, load->differ.first);
}

static int run(struct load *load, struct polyfs_error *err)
{
    qsort(load->into, load->count, sizeof(*load->into), by_name);
    int rc = match(load, err);
    if (rc == POLYFS_OK) {
        look_for_unexpected(load);
        rc = strict_check(load, err);
    }
    return rc == POLYFS_OK ? polyfs_tensors_read(load->tensors, load->reads, load->found, err) : rc;
}

int polyfs_tensors_load(struct polyfs_tensors *tensors, const struct polyfs_tensor *into, size_t count,
                        uint32_t flags, polyfs_tensors_differ_fn *differ, void *user, struct polyfs_error *err)
{
    struct load load = {.tensors = tensors,
                        .count = count,
                        .flags = flags,
                        .differ = {.tell = differ, .user = user}};
    if (flags & ~POLYFS_TENSORS_STRICT)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, WHAT, "a checkpoint", "a flag is not known");
    load.into = ckpt_tensor_pointers(into, count);
    load.reads = calloc(count + 1, sizeof(*load.reads));
    int rc =
        load.into && load.reads ? run(&load, err) : ckpt_fail(err, POLYFS_NOMEM, WHAT, "a checkpoint", "no memory");
    free(load.into);
    free(load.reads);
    return rc;
}
