/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-shot put, and what every write carries. A large put is a writer with one write: the shapes are chosen in one
 * place only (core/writer.c).
 */
#include <stdlib.h>

#include "core/write.h"

#define RESTARTS_MAX 2

static int pairs_take(struct polyfs_pairs *to, const struct polyfs_kv *rows, size_t count)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        rc = pfs_pairs_add(to, rows[i].key, rows[i].value);
    return rc;
}

static uint32_t durability_for(const struct polyfs_fs *fs, const struct polyfs_write_opts *opts)
{
    if (opts && opts->durability)
        return opts->durability;
    return fs->durability ? fs->durability : POLYFS_DURABILITY_FULL;
}

int pfs_put_args_take(struct pfs_put_args *args, const struct polyfs_fs *fs, const struct polyfs_write_opts *opts)
{
    int rc = POLYFS_OK;
    memset(args, 0, sizeof(*args));
    args->request.struct_size = (uint32_t)sizeof(args->request);
    args->request.durability = durability_for(fs, opts);
    args->request.size_hint = opts ? opts->size_hint : POLYFS_SIZE_UNKNOWN;
    args->request.condition = (struct polyfs_condition)POLYFS_CONDITION_INIT;
    if (!opts)
        return POLYFS_OK;
    args->request.condition.create_only = opts->flags & POLYFS_WRITE_CREATE_ONLY ? 1 : 0;
    args->request.checksum = opts->checksum;
    if (opts->if_match && !(args->if_match = strdup(opts->if_match)))
        rc = POLYFS_NOMEM;
    if (opts->content_type && !(args->content_type = strdup(opts->content_type)))
        rc = POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = pairs_take(&args->metadata, opts->metadata, opts->metadata_count);
    if (rc == POLYFS_OK)
        rc = pairs_take(&args->extra, opts->extra, opts->extra_count);
    args->request.condition.if_match = args->if_match;
    args->request.content_type = args->content_type;
    args->request.metadata = args->metadata.rows;
    args->request.metadata_count = (uint32_t)args->metadata.count;
    args->request.metadata_stride = sizeof(struct polyfs_kv);
    args->request.extra = args->extra.rows;
    args->request.extra_count = (uint32_t)args->extra.count;
    args->request.extra_stride = sizeof(struct polyfs_kv);
    return rc;
}

void pfs_put_args_clear(struct pfs_put_args *args)
{
    pfs_pairs_clear(&args->metadata);
    pfs_pairs_clear(&args->extra);
    free(args->if_match);
    free(args->content_type);
    memset(args, 0, sizeof(*args));
}

/* Text that becomes a header somewhere must not begin another one. */
static int is_plain(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

static int check_texts(const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (request->content_type && strlen(request->content_type) >= sizeof(((struct polyfs_stat *)0)->content_type))
        return polyfs_fail(err, POLYFS_TOO_LARGE, "the content type is longer than 127 bytes");
    if (!is_plain(request->content_type))
        return polyfs_fail(err, POLYFS_INVALID, "the content type holds a control character");
    for (uint32_t i = 0; i < request->metadata_count; i++) {
        const struct polyfs_kv *row = &request->metadata[i]; /* core's own rows, so indexed as they are */
        if (!*row->key || !is_plain(row->key) || !is_plain(row->value))
            return polyfs_fail(err, POLYFS_INVALID, "metadata has an empty name or a control character");
        if (strcmp(row->key, PFS_NONCE_KEY) == 0)
            return polyfs_fail(err, POLYFS_INVALID, "the metadata name \"" PFS_NONCE_KEY "\" is polyfs's own");
    }
    return POLYFS_OK;
}

uint32_t pfs_put_shapes(const struct polyfs_caps *caps, const struct polyfs_put_request *request)
{
    const struct polyfs_condition *c = &request->condition;
    return c->create_only || c->if_match ? caps->shapes & caps->condition_shapes : caps->shapes;
}

int pfs_put_gate(const struct polyfs_fs *fs, const struct polyfs_caps *caps,
                 const struct polyfs_put_request *request, struct polyfs_error *err)
{
    const char *name = fs->plugin->main_protocol;
    int rc = check_texts(request, err);
    if (rc != POLYFS_OK)
        return rc;
    if (request->durability > POLYFS_DURABILITY_FULL)
        return polyfs_fail(err, POLYFS_INVALID, "the durability is none of enum polyfs_durability");
    if (request->condition.create_only && request->condition.if_match)
        return polyfs_fail(err, POLYFS_INVALID, "create-only and if-match exclude each other");
    if (!caps->shapes)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s cannot be written to here", name);
    if (request->condition.create_only && caps->fact[POLYFS_FACT_CREATE_ONLY] == POLYFS_NO)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s cannot create only what is absent here", name);
    if (request->condition.if_match && caps->fact[POLYFS_FACT_IF_MATCH] == POLYFS_NO)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s cannot replace under a condition here", name);
    if (!pfs_put_shapes(caps, request))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s writes under no condition here", name);
    if (request->metadata_count && caps->fact[POLYFS_FACT_METADATA] == POLYFS_NO)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s keeps no metadata here", name);
    if (request->content_type && caps->fact[POLYFS_FACT_CONTENT_TYPE] == POLYFS_NO)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "%s keeps no content type here", name);
    if (caps->object_max && request->size_hint != POLYFS_SIZE_UNKNOWN && request->size_hint > caps->object_max)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "%s takes objects of at most %llu bytes", name,
                           (unsigned long long)caps->object_max);
    return POLYFS_OK;
}

int pfs_put_whole(struct pfs_verb *v, const void *data, uint64_t size, const struct polyfs_put_request *request,
                  struct polyfs_stat *out)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_PUT);
    r.u.put.data = data;
    r.u.put.size = size;
    r.u.put.request = request;
    r.u.put.out = out;
    return pfs_verb_run(v, &r);
}

int pfs_make_parents(struct pfs_verb *v)
{
    const char *slash = pfs_slot_present(v->fs, PFS_MKDIR) ? strrchr(v->path, '/') : NULL;
    if (!slash || slash == v->path)
        return POLYFS_OK;
    char *parent = pfs_copy(v->path, (size_t)(slash - v->path));
    if (!parent)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for the path of its folder");
    struct pfs_request r = PFS_REQUEST(PFS_MKDIR, v->fs, &v->ctx, parent);
    r.u.mkdir.flags = POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK;
    int rc = pfs_verb_run(v, &r);
    free(parent);
    return rc;
}

/* What lies in memory already goes by PUT at any size where that is the only way, or the one that was asked for. */
static int fits_put(uint32_t shapes, uint64_t put_max, uint64_t size, uint64_t part_bytes, uint32_t forced_shape)
{
    if (!(shapes & POLYFS_SHAPE_PUT) || (put_max && size > put_max))
        return 0;
    return size <= part_bytes || forced_shape == POLYFS_SHAPE_PUT || !(shapes & ~(uint32_t)POLYFS_SHAPE_PUT);
}

static int put_small(struct pfs_verb *v, const void *data, uint64_t size, const struct polyfs_write_opts *opts,
                     const struct polyfs_put_request *request, struct polyfs_stat *out)
{
    int rc = pfs_put_whole(v, data, size, request, out);
    if (rc != POLYFS_NOT_FOUND || !opts || !(opts->flags & POLYFS_WRITE_PARENTS))
        return rc;
    rc = pfs_make_parents(v);
    return rc == POLYFS_OK ? pfs_put_whole(v, data, size, request, out) : rc;
}

static int put_large_once(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
                          const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat,
                          struct polyfs_error *err)
{
    struct polyfs_write_opts own = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_writer *writer;
    if (opts)
        memcpy(&own, opts, opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
    own.size_hint = size;
    int rc = polyfs_writer_open(fs, path, &own, &writer, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_writer_write(writer, data, size, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, out_stat, err);
    polyfs_writer_close(writer);
    return rc;
}

/* A store may give up an upload that met another writer's: the bytes are here still, and go under a new one. */
static int put_large(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
                     const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = put_large_once(fs, path, data, size, opts, out_stat, &why);
    for (int i = 0; i < RESTARTS_MAX && rc < 0 && why.code == rc && why.retry == POLYFS_RETRY_RESTART; i++)
        rc = put_large_once(fs, path, data, size, opts, out_stat, &why);
    if (rc < 0)
        pfs_error_copy(err, &why);
    return rc;
}

int polyfs_put(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
               const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct pfs_put_args args = {0};
    struct polyfs_caps caps;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int large = opts && (opts->shape & ~(uint32_t)POLYFS_SHAPE_PUT || opts->flags & POLYFS_WRITE_APPEND);
    int rc = pfs_verb_begin(&v, "write", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts && opts->flags & ~PFS_WRITE_KNOWN)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = pfs_verb_caps(&v, path, &caps);
    if (rc == POLYFS_OK)
        rc = pfs_put_args_take(&args, fs, opts);
    if (rc == POLYFS_OK && !large)
        large = !fits_put(pfs_put_shapes(&caps, &args.request), caps.put_max, size,
                          opts && opts->part_bytes ? opts->part_bytes : fs->part_bytes, opts ? opts->shape : 0);
    if (rc == POLYFS_OK && !large) {
        args.request.size_hint = size;
        rc = pfs_put_gate(fs, &caps, &args.request, &v.error);
        if (rc == POLYFS_OK)
            rc = pfs_nonce_add(&args, fs, &caps, 0, &v.error);
        if (rc == POLYFS_OK)
            rc = put_small(&v, data, size, opts, &args.request, &stat);
        if (rc == POLYFS_OK)
            pfs_stat_out(out_stat, &stat);
    }
    pfs_put_args_clear(&args);
    rc = pfs_verb_end(&v, rc, err);
    return rc == POLYFS_OK && large ? put_large(fs, path, data, size, opts, out_stat, err) : rc;
}
