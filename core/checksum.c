/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of objects: what the store keeps, what it can compute, or what passes through here. */
#include <glib.h>
#include <stdlib.h>

#include "core/crc.h"
#include "core/stat.h"

#define BUFFER_BYTES (UINT64_C(1) << 20)

/* ---- one running checksum ------------------------------------------------------------------------------------------ */

struct running {
    uint32_t kind;
    uint64_t crc;
    GChecksum *digest;
};

static void running_begin(struct running *r, uint32_t kind)
{
    *r = (struct running){.kind = kind};
    if (kind == POLYFS_CHECKSUM_MD5 || kind == POLYFS_CHECKSUM_SHA256)
        r->digest = g_checksum_new(kind == POLYFS_CHECKSUM_MD5 ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256);
}

static void running_add(struct running *r, const void *data, size_t size)
{
    if (r->digest)
        g_checksum_update(r->digest, data, (gssize)size);
    else
        r->crc = pfs_crc(r->kind, r->crc, data, size);
}

static void running_end(struct running *r, struct polyfs_checksum *out)
{
    *out = (struct polyfs_checksum){.kind = r->kind};
    if (r->digest) {
        gsize length = sizeof(out->value);
        g_checksum_get_digest(r->digest, out->value, &length);
        out->length = (uint32_t)length;
        g_checksum_free(r->digest);
        return;
    }
    out->length = r->kind == POLYFS_CHECKSUM_CRC32C ? 4 : 8;
    for (uint32_t i = 0; i < out->length; i++)
        out->value[i] = (uint8_t)(r->crc >> (8 * (out->length - 1 - i)));
}

static int by_reading(struct polyfs_fs *fs, const char *path, uint32_t kind, const struct polyfs_call_opts *opts,
                      struct polyfs_checksum *out, struct polyfs_error *err)
{
    struct polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    struct polyfs_reader *reader;
    struct running running;
    size_t n = 1;
    read.call = opts;
    int rc = polyfs_reader_open(fs, path, &read, &reader, err);
    if (rc != POLYFS_OK)
        return rc;
    char *buffer = malloc(BUFFER_BYTES);
    running_begin(&running, kind);
    if (!buffer)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a buffer");
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, BUFFER_BYTES, &n, err);
        if (rc == POLYFS_OK)
            running_add(&running, buffer, n);
    }
    struct polyfs_checksum sum;
    running_end(&running, &sum);
    if (rc == POLYFS_OK)
        *out = sum;
    free(buffer);
    polyfs_reader_close(reader);
    return rc;
}

/* What the store keeps or computes; *out stays of kind NONE when it does neither. */
static int by_store(struct pfs_verb *v, uint32_t kind, struct polyfs_checksum *out)
{
    struct polyfs_stat stat;
    int rc = pfs_stat(v, v->path, NULL, &stat);
    if (rc == POLYFS_OK && stat.type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && stat.checksum.kind == kind) {
        *out = stat.checksum;
    } else if (rc == POLYFS_OK && pfs_slot_present(v->fs, PFS_CHECKSUM)) {
        struct pfs_request r = PFS_REQUEST_OF(v, PFS_CHECKSUM);
        r.u.checksum.kind = kind;
        r.u.checksum.out = out;
        rc = pfs_verb_run(v, &r);
        if (rc == POLYFS_UNSUPPORTED)
            rc = POLYFS_OK;
    }
    return rc;
}

int polyfs_checksum(struct polyfs_fs *fs, const char *path, uint32_t kind, const struct polyfs_call_opts *opts,
                    struct polyfs_checksum *out, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_checksum sum = {.kind = POLYFS_CHECKSUM_NONE};
    int rc = pfs_verb_begin(&v, "compute the checksum of", fs, path, opts);
    if (rc == POLYFS_OK && kind != POLYFS_CHECKSUM_CRC32C && kind != POLYFS_CHECKSUM_CRC64NVME &&
        kind != POLYFS_CHECKSUM_MD5 && kind != POLYFS_CHECKSUM_SHA256)
        rc = polyfs_fail(&v.error, POLYFS_INVALID, "there is no checksum of kind %u", kind);
    if (rc == POLYFS_OK)
        rc = by_store(&v, kind, &sum);
    rc = pfs_verb_end(&v, rc, err);
    if (rc == POLYFS_OK && sum.kind == POLYFS_CHECKSUM_NONE)
        return by_reading(fs, path, kind, opts, out, err);
    if (rc == POLYFS_OK)
        *out = sum;
    return rc;
}
