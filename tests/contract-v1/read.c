/* SPDX-License-Identifier: Apache-2.0 */
/* Readers, which keep the bytes that they opened. */
#include "store.h"

static int reader_open(PATH, const char *version, void **out_reader, struct polyfs_stat *out,
                       struct polyfs_error *err)
{
    (void)fs;
    (void)path_len;
    if (version)
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct object *object = v1_find(path);
    if (object) {
        object->content->references++;
        *out_reader = object->content;
        if (out)
            v1_stat_of(object, out);
    }
    v1_leave();
    return object ? POLYFS_OK : v1_not_found(err);
}

static int reader_pread(struct polyfs_call *call, void *reader, uint64_t offset, void *buffer, uint64_t length,
                        uint64_t *out_n, struct polyfs_error *err)
{
    const struct content *content = reader;
    const uint64_t left = offset < content->size ? content->size - offset : 0, n = length < left ? length : left;
    int rc = polyfs_go_on(v1_host, call, err);
    if (rc != POLYFS_OK)
        return rc;
    if (n)
        memcpy(buffer, content->bytes + offset, n);
    call->bytes_done = *out_n = n;
    return POLYFS_OK;
}

static void reader_close(void *reader)
{
    v1_lock();
    v1_content_drop(reader);
    v1_leave();
}

const struct polyfs_reader_ops v1_reader_ops = {.struct_size = sizeof(v1_reader_ops),
                                                .open = reader_open,
                                                .pread = reader_pread,
                                                .close = reader_close};
