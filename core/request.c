/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to the plugin's slot. The table of thunks is the one place where core calls a plugin's verbs;
 * pfs_attempt is the one way there, layer by layer.
 */
#include "core/request.h"

#include "core/instance.h"
#include "core/layers/layers.h"
#include "core/sum.h"
#include "core/uploads.h"

typedef int thunk(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err);

#define TABLES(r) (&(r)->fs->plugin->tables)
#define SELF(r) ((r)->fs->self)
#define PATH(r) (r)->path, (r)->path_len

static int do_caps(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.caps(call, SELF(r), PATH(r), r->u.caps.flags, r->u.caps.out, err);
}

static int do_stat(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.stat(call, SELF(r), PATH(r), r->u.stat.version, r->u.stat.out, r->u.stat.meta, err);
}

/* When all of an object is here: are these the bytes that the store keeps? If not, none of them can be trusted. */
static int check_whole(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    const struct polyfs_stat *stat = r->u.get.out;
    if (!stat || *r->u.get.out_n != stat->size)
        return POLYFS_OK;
    int rc = pfs_sum_whole(stat, r->u.get.buffer, stat->size, err);
    if (rc != POLYFS_OK) {
        err->retry = POLYFS_RETRY_TRANSIENT;
        r->placed = call->bytes_done = 0;
    }
    return rc;
}

static int do_get(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    struct polyfs_get_request now = *r->u.get.request;
    struct polyfs_checksum kept = {.kind = POLYFS_CHECKSUM_NONE};
    uint64_t n = 0;
    if (r->placed && r->u.get.out)
        kept = r->u.get.out->checksum; /* a store that tells it with the whole only told it at first */
    if (r->placed) {                   /* the rest of a read that broke */
        now.offset += r->placed;
        now.flags &= ~POLYFS_GET_WHOLE;
        now.length -= r->placed;
        now.condition.if_match = r->pin;
        now.meta = NULL;
    }
    int rc =
        TABLES(r)->fs.get(call, SELF(r), PATH(r), &now, (char *)r->u.get.buffer + r->placed, &n, r->u.get.out, err);
    if (rc != POLYFS_OK)
        return rc;
    *r->u.get.out_n = r->placed + n;
    if (kept.kind && !r->u.get.out->checksum.kind)
        r->u.get.out->checksum = kept;
    return check_whole(call, r, err);
}

static int do_put(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.put(call, SELF(r), PATH(r), r->u.put.data, r->u.put.size, r->u.put.request, r->u.put.out,
                             err);
}

static int do_remove(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.remove(call, SELF(r), PATH(r), r->u.remove.version, r->u.remove.condition, err);
}

static int do_remove_many(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.remove_many(call, SELF(r), r->u.remove_many.items, r->u.remove_many.count,
                                     sizeof(*r->u.remove_many.items), err);
}

static int do_remove_tree(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.remove_tree(call, SELF(r), PATH(r), r->u.copy.step, err);
}

static int do_copy(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.copy(call, SELF(r), r->u.copy.sources, PATH(r), r->u.copy.request, r->u.copy.step,
                              r->u.copy.out, err);
}

static int do_compose(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.compose(call, SELF(r), r->u.copy.sources, r->u.copy.count, sizeof(*r->u.copy.sources),
                                 PATH(r), r->u.copy.request, r->u.copy.out, err);
}

static int do_rename(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.rename(call, SELF(r), r->u.copy.sources, PATH(r), r->u.copy.request, r->u.copy.step, err);
}

static int do_checksum(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.checksum(call, SELF(r), PATH(r), r->u.checksum.version, r->u.checksum.kind,
                                  r->u.checksum.out, err);
}

static int do_mkdir(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.mkdir(call, SELF(r), PATH(r), r->u.mkdir.flags, err);
}

static int do_rmdir(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.rmdir(call, SELF(r), PATH(r), r->u.mkdir.flags, err);
}

static int do_set_metadata(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.set_metadata(call, SELF(r), PATH(r), r->u.put.request, err);
}

static int do_set_times(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.set_times(call, SELF(r), PATH(r), r->u.times.mtime_ns, r->u.times.atime_ns, err);
}

static int do_link(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    const struct polyfs_source *to = r->u.copy.sources;
    return TABLES(r)->fs.link(call, SELF(r), PATH(r), to->path, to->path_len, err);
}

static int do_sign(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.sign(call, SELF(r), PATH(r), r->u.sign.verb, r->u.sign.life_s, r->u.sign.out, err);
}

static int do_sub(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->fs.sub(call, SELF(r), PATH(r), r->u.sub.flags, r->u.sub.out, err);
}

static int do_list_open(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->lister.open(call, SELF(r), PATH(r), r->u.list.request, r->u.list.out, err);
}

static int do_list_next(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->lister.next(call, r->handle, r->u.list.page, err);
}

static int do_reader_open(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->reader.open(call, SELF(r), PATH(r), r->u.read.version, r->u.read.out_reader, r->u.read.out,
                                  err);
}

static int do_reader_pread(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->reader.pread(call, r->handle, r->u.read.offset, r->u.read.buffer, r->u.read.length,
                                   r->u.read.out_n, err);
}

static int do_upload_start(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.start(call, SELF(r), PATH(r), r->u.upload.request, r->u.upload.out_id, err);
}

static int do_upload_part(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.part(call, SELF(r), PATH(r), r->u.upload.id, r->u.upload.number, r->u.upload.data,
                                  r->u.upload.size, r->u.upload.checksum, r->u.upload.parts, err);
}

static int do_upload_copy_part(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.copy_part(call, SELF(r), PATH(r), r->u.upload.id, r->u.upload.number,
                                       r->u.upload.source, r->u.upload.offset, r->u.upload.size, r->u.upload.parts,
                                       err);
}

static int do_upload_list_parts(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.list_parts(call, SELF(r), PATH(r), r->u.upload.id, r->u.upload.number,
                                        r->u.upload.parts, r->u.upload.count, sizeof(*r->u.upload.parts),
                                        r->u.upload.out_count, err);
}

static int do_upload_complete(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.complete(call, SELF(r), PATH(r), r->u.upload.id, r->u.upload.parts, r->u.upload.count,
                                      sizeof(*r->u.upload.parts), r->u.upload.request, r->u.upload.out, err);
}

static int do_upload_abort(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.abort(call, SELF(r), PATH(r), r->u.upload.id, err);
}

static int do_upload_list(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    pfs_uploads_clear(r->u.upload.out_uploads); /* what an attempt before left */
    return TABLES(r)->upload.list(call, SELF(r), PATH(r), r->u.upload.step, r->u.upload.out_uploads, err);
}

static int do_upload_is_ours(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->upload.is_ours(call, SELF(r), PATH(r), r->u.upload.id, r->u.upload.out_ours, err);
}

static int do_placed_open(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->placed.open(call, SELF(r), PATH(r), r->u.write.request, r->u.write.out_handle, err);
}

static int do_placed_write(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->placed.write(call, r->handle, r->u.write.offset, r->u.write.data, r->u.write.size, err);
}

static int do_placed_commit(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->placed.commit(call, r->handle, r->u.write.offset, r->u.write.request, r->u.write.out, err);
}

static int do_stream_open(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->stream.open(call, SELF(r), PATH(r), r->u.write.flags, r->u.write.request, r->u.write.step,
                                  r->u.write.out_handle, err);
}

static int do_stream_write(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->stream.write(call, r->handle, r->u.write.data, r->u.write.size, err);
}

static int do_stream_offset(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->stream.offset(call, r->handle, r->u.write.out_offset, err);
}

static int do_stream_commit(struct polyfs_call *call, struct pfs_request *r, struct polyfs_error *err)
{
    return TABLES(r)->stream.commit(call, r->handle, r->u.write.request, r->u.write.out, err);
}

/* Name for traces and faults, thunk, and where core's copy of the slot lies in struct pfs_tables. */
#define ROW(slot, name, call, member) [slot] = {name, call, offsetof(struct pfs_tables, member)}
static const struct slot_row {
    const char *name;
    thunk *call;
    size_t offset;
} slot_rows[PFS_SLOTS] = {
    ROW(PFS_CAPS, "caps", do_caps, fs.caps),
    ROW(PFS_STAT, "stat", do_stat, fs.stat),
    ROW(PFS_GET, "get", do_get, fs.get),
    ROW(PFS_PUT, "put", do_put, fs.put),
    ROW(PFS_REMOVE, "remove", do_remove, fs.remove),
    ROW(PFS_REMOVE_MANY, "remove_many", do_remove_many, fs.remove_many),
    ROW(PFS_REMOVE_TREE, "remove_tree", do_remove_tree, fs.remove_tree),
    ROW(PFS_COPY, "copy", do_copy, fs.copy),
    ROW(PFS_COMPOSE, "compose", do_compose, fs.compose),
    ROW(PFS_RENAME, "rename", do_rename, fs.rename),
    ROW(PFS_MKDIR, "mkdir", do_mkdir, fs.mkdir),
    ROW(PFS_RMDIR, "rmdir", do_rmdir, fs.rmdir),
    ROW(PFS_SET_METADATA, "set_metadata", do_set_metadata, fs.set_metadata),
    ROW(PFS_SET_TIMES, "set_times", do_set_times, fs.set_times),
    ROW(PFS_LINK, "link", do_link, fs.link),
    ROW(PFS_SIGN, "sign", do_sign, fs.sign),
    ROW(PFS_SUB, "sub", do_sub, fs.sub),
    ROW(PFS_CHECKSUM, "checksum", do_checksum, fs.checksum),
    ROW(PFS_LIST_OPEN, "list_open", do_list_open, lister.open),
    ROW(PFS_LIST_NEXT, "list_next", do_list_next, lister.next),
    ROW(PFS_READER_OPEN, "reader_open", do_reader_open, reader.open),
    ROW(PFS_READER_PREAD, "reader_pread", do_reader_pread, reader.pread),
    ROW(PFS_UPLOAD_START, "upload_start", do_upload_start, upload.start),
    ROW(PFS_UPLOAD_PART, "upload_part", do_upload_part, upload.part),
    ROW(PFS_UPLOAD_COPY_PART, "upload_copy_part", do_upload_copy_part, upload.copy_part),
    ROW(PFS_UPLOAD_LIST_PARTS, "upload_list_parts", do_upload_list_parts, upload.list_parts),
    ROW(PFS_UPLOAD_COMPLETE, "upload_complete", do_upload_complete, upload.complete),
    ROW(PFS_UPLOAD_ABORT, "upload_abort", do_upload_abort, upload.abort),
    ROW(PFS_UPLOAD_LIST, "upload_list", do_upload_list, upload.list),
    ROW(PFS_UPLOAD_IS_OURS, "upload_is_ours", do_upload_is_ours, upload.is_ours),
    ROW(PFS_PLACED_OPEN, "placed_open", do_placed_open, placed.open),
    ROW(PFS_PLACED_WRITE, "placed_write", do_placed_write, placed.write),
    ROW(PFS_PLACED_COMMIT, "placed_commit", do_placed_commit, placed.commit),
    ROW(PFS_STREAM_OPEN, "stream_open", do_stream_open, stream.open),
    ROW(PFS_STREAM_WRITE, "stream_write", do_stream_write, stream.write),
    ROW(PFS_STREAM_OFFSET, "stream_offset", do_stream_offset, stream.offset),
    ROW(PFS_STREAM_COMMIT, "stream_commit", do_stream_commit, stream.commit),
};

const char *pfs_slot_name(enum pfs_slot slot)
{
    return slot_rows[slot].name;
}

int pfs_slot_of(const char *name, size_t length, enum pfs_slot *out)
{
    for (unsigned i = 0; i < PFS_SLOTS; i++) {
        if (strlen(slot_rows[i].name) == length && memcmp(slot_rows[i].name, name, length) == 0) {
            *out = (enum pfs_slot)i;
            return POLYFS_OK;
        }
    }
    return POLYFS_INVALID;
}

int pfs_slot_present(const struct polyfs_fs *fs, enum pfs_slot slot)
{
    void (*function)(void);
    memcpy(&function, (const char *)&fs->plugin->tables + slot_rows[slot].offset, sizeof(function));
    return function != NULL;
}

static void call_prepare(struct polyfs_call *call, struct pfs_request *r)
{
    memset(call, 0, sizeof(*call));
    call->struct_size = (uint32_t)sizeof(*call);
    call->attempt = r->attempt;
    call->flags = r->earlier_unknown ? POLYFS_CALL_EARLIER_UNKNOWN : 0;
    call->lane = r->ctx->lane;
    call->deadline_ns = r->ctx->deadline_ns;
    memcpy(call->op_id, r->ctx->op_id, sizeof(call->op_id));
    call->core = r->ctx;
}

/* Where a slot's metadata goes, or NULL. */
static struct polyfs_pairs *meta_of(const struct pfs_request *r)
{
    return r->slot == PFS_STAT ? r->u.stat.meta : r->slot == PFS_GET ? r->u.get.request->meta : NULL;
}

/* An attempt that begins anew is told all of it once more; one that goes on behind bytes that are there is not. */
static void meta_before(struct pfs_request *r)
{
    struct polyfs_pairs *meta = meta_of(r);
    if (meta && r->attempt == 1)
        r->meta_had = meta->count;
    else if (meta && !r->placed)
        pfs_pairs_cut(meta, r->meta_had);
}

int pfs_attempt(struct pfs_request *r)
{
    struct polyfs_call call;
    r->error.struct_size = (uint32_t)sizeof(r->error);
    r->error.code = POLYFS_OK;
    r->rc = pfs_names_before(r);
    if (r->rc != POLYFS_OK)
        return 0;
    if (pfs_limit_before(r) == POLYFS_MORE)
        return 1;
    r->attempt++;
    meta_before(r);
    call_prepare(&call, r);
    int64_t began_ns = pfs_trace_before(r);
    int rc = pfs_deadline_before(r);
    if (rc == POLYFS_OK)
        rc = pfs_fault_before(r);
    if (rc == POLYFS_OK) {
        struct pfs_sub_saved saved;
        rc = pfs_sub_before(r, &saved);
        if (rc == POLYFS_OK)
            rc = pfs_fault_after(r, slot_rows[r->slot].call(&call, r, &r->error));
        pfs_sub_after(r, &saved);
    }
    pfs_limit_after(r, rc);
    r->rc = rc;
    r->bytes_done = call.bytes_done;
    pfs_trace_after(r, &call, began_ns);
    return 0;
}

int pfs_run(struct pfs_request *r)
{
    if (!pfs_slot_present(r->fs, r->slot)) {
        r->error.struct_size = (uint32_t)sizeof(r->error);
        return r->rc = polyfs_fail(&r->error, POLYFS_UNSUPPORTED, "%s has no %s", r->fs->plugin->name,
                                   pfs_slot_name(r->slot));
    }
    for (;;) {
        if (r->not_before_ns && pfs_ctx_sleep(r->ctx, r->not_before_ns) != POLYFS_OK) {
            if (r->nonce)
                pfs_nonce_wanted(r); /* looked for and not found in time: the failure is what it was */
            else if (!r->attempt || pfs_ctx_stopped(r->ctx) == POLYFS_CANCELLED)
                r->rc = pfs_ctx_check(r->ctx, &r->error);
            return r->rc; /* of one that is late the store's own error says more than "timeout" */
        }
        if (!pfs_attempt(r) && !pfs_retry_wanted(r) && !pfs_nonce_wanted(r))
            return r->rc;
    }
}
