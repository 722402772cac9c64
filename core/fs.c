/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs on one path that are one call of one slot, or nearly. Longer ones have files of their own.
 */
#include "core/stat.h"
#include "core/write.h"

#include <stdlib.h>

static const char *const fact_names[POLYFS_FACT_COUNT] = {
    "network",
    "real_dirs",
    "flat_list",
    "ordered_list",
    "start_after",
    "create_only",
    "if_match",
    "copy_condition",
    "read_condition",
    "versions",
    "pinned_read",
    "suffix_read",
    "metadata",
    "content_type",
    "set_metadata",
    "set_times",
    "copy",
    "copy_part",
    "compose",
    "rename",
    "rename_atomic",
    "rename_no_replace",
    "rename_dir",
    "append",
    "remove_many",
    "remove_tree",
    "sign_get",
    "sign_put",
    "list_uploads",
    "stored_checksum",
    "durable_commit",
    "confine",
    "case_sensitive",
    "any_bytes",
    "links",
    "reflink",
    "remove_condition",
    "rename_condition",
    "equal_parts",
};

const char *polyfs_fact_name(uint32_t fact)
{
    return fact < POLYFS_FACT_COUNT ? fact_names[fact] : NULL;
}

/* What core makes of other slots is told as "emulated", whatever the plugin left there. */
static void tell_emulated(const struct polyfs_fs *fs, struct polyfs_caps *caps)
{
    if (caps->fact[POLYFS_FACT_COPY] == POLYFS_NO)
        caps->fact[POLYFS_FACT_COPY] = POLYFS_EMULATED;
    if (caps->fact[POLYFS_FACT_RENAME] == POLYFS_NO && pfs_slot_present(fs, PFS_REMOVE))
        caps->fact[POLYFS_FACT_RENAME] = POLYFS_EMULATED;
    if (caps->fact[POLYFS_FACT_APPEND] == POLYFS_NO && caps->fact[POLYFS_FACT_IF_MATCH] == POLYFS_YES)
        caps->fact[POLYFS_FACT_APPEND] = POLYFS_EMULATED;
    if (caps->fact[POLYFS_FACT_REMOVE_MANY] == POLYFS_NO)
        caps->fact[POLYFS_FACT_REMOVE_MANY] = POLYFS_EMULATED;
    if (caps->fact[POLYFS_FACT_REMOVE_TREE] == POLYFS_NO)
        caps->fact[POLYFS_FACT_REMOVE_TREE] = POLYFS_EMULATED;
    if (pfs_confined_by_name(fs))
        caps->fact[POLYFS_FACT_CONFINE] = POLYFS_EMULATED;
    if (caps->fact[POLYFS_FACT_FLAT_LIST] == POLYFS_NO)
        caps->fact[POLYFS_FACT_FLAT_LIST] = POLYFS_EMULATED;
}

int polyfs_caps(struct polyfs_fs *fs, const char *path, uint32_t flags, const struct polyfs_call_opts *opts,
                struct polyfs_caps *out, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    int rc = pfs_verb_begin(&v, "tell the facts of", fs, path, opts);
    if (rc == POLYFS_OK && flags & ~POLYFS_CAPS_PROBE)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_CAPS);
        r.u.caps.flags = flags;
        r.u.caps.out = &caps;
        rc = pfs_verb_run(&v, &r);
    }
    if (rc == POLYFS_OK) {
        tell_emulated(fs, &caps);
        uint32_t room =
            out->struct_size && out->struct_size < sizeof(caps) ? out->struct_size : (uint32_t)sizeof(caps);
        memcpy(out, &caps, room);
        out->struct_size = room;
    }
    return pfs_verb_end(&v, rc, err);
}

/* ---- looking --------------------------------------------------------------------------------------------- */

int polyfs_stat(struct polyfs_fs *fs, const char *path, const char *version, const struct polyfs_call_opts *opts,
                struct polyfs_stat *out, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_stat stat;
    int rc = pfs_verb_begin(&v, "stat", fs, path, opts);
    if (rc == POLYFS_OK && version)
        rc = pfs_verb_gate(&v, POLYFS_FACT_VERSIONS, "keep versions");
    if (rc == POLYFS_OK)
        rc = pfs_stat(&v, path, version, &stat);
    if (rc == POLYFS_OK)
        pfs_stat_out(out, &stat);
    return pfs_verb_end(&v, rc, err);
}

int polyfs_exists(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts, int *out_exists,
                  struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_stat stat;
    int rc = pfs_verb_begin(&v, "tell whether there is", fs, path, opts);
    if (rc == POLYFS_OK)
        rc = pfs_stat(&v, path, NULL, &stat);
    if (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR) { /* below an object there is nothing */
        *out_exists = rc == POLYFS_OK;
        rc = POLYFS_OK;
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_get_metadata(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                        struct polyfs_pairs **out, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_pairs *pairs = calloc(1, sizeof(*pairs));
    int rc = pfs_verb_begin(&v, "read the metadata of", fs, path, opts);
    if (rc == POLYFS_OK && !pairs)
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for it");
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, POLYFS_FACT_METADATA, "keep metadata");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_STAT);
        r.u.stat.out = &stat;
        r.u.stat.meta = pairs;
        rc = pfs_verb_run(&v, &r);
    }
    if (rc == POLYFS_OK) {
        pfs_pairs_drop(pairs, PFS_NONCE_KEY);
        *out = pairs;
    } else {
        polyfs_pairs_free(pairs);
    }
    return pfs_verb_end(&v, rc, err);
}

/* ---- changing -------------------------------------------------------------------------------------------- */

/* A store without folders has none to make or to remove, only buckets. */
static int folders_are_implied(struct pfs_verb *v, uint32_t flags, int *out)
{
    struct polyfs_caps caps;
    *out = 0;
    if (flags & POLYFS_MKDIR_BUCKET)
        return POLYFS_OK;
    int rc = pfs_verb_caps_of(v, v->path, POLYFS_FACT_REAL_DIRS, &caps);
    *out = rc == POLYFS_OK && caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_NO;
    return rc;
}

/* What rmdir is there: it refuses what is not empty, and has nothing to do else. */
static int implied_rmdir(struct pfs_verb *v)
{
    struct polyfs_stat stat;
    int rc = pfs_stat(v, v->path, NULL, &stat);
    if (rc == POLYFS_OK && stat.type == POLYFS_TYPE_DIR)
        return polyfs_fail(&v->error, POLYFS_NOT_EMPTY, "there is something in the folder");
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc;
}

int polyfs_mkdir(struct polyfs_fs *fs, const char *path, uint32_t flags, const struct polyfs_call_opts *opts,
                 struct polyfs_error *err)
{
    struct pfs_verb v;
    int implied = 0;
    int rc = pfs_verb_begin(&v, "make the folder", fs, path, opts);
    if (rc == POLYFS_OK && flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK | POLYFS_MKDIR_BUCKET))
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = folders_are_implied(&v, flags, &implied);
    if (rc == POLYFS_OK && !implied) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_MKDIR);
        r.u.mkdir.flags = flags;
        rc = pfs_verb_run(&v, &r);
        if (rc == POLYFS_EXISTS && r.earlier_unknown)
            rc = POLYFS_OK; /* the attempt whose reply was lost made it */
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_rmdir(struct polyfs_fs *fs, const char *path, uint32_t flags, const struct polyfs_call_opts *opts,
                 struct polyfs_error *err)
{
    struct pfs_verb v;
    int implied = 0;
    int rc = pfs_verb_begin(&v, "remove the folder", fs, path, opts);
    if (rc == POLYFS_OK && flags & ~POLYFS_MKDIR_BUCKET)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = folders_are_implied(&v, flags, &implied);
    if (rc == POLYFS_OK && implied) {
        rc = implied_rmdir(&v);
    } else if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_RMDIR);
        r.u.mkdir.flags = flags;
        rc = pfs_verb_run(&v, &r);
        if (rc == POLYFS_NOT_FOUND && r.earlier_unknown)
            rc = POLYFS_OK;
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_remove(struct polyfs_fs *fs, const char *path, const struct polyfs_remove_opts *opts,
                  struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_condition condition = POLYFS_CONDITION_INIT;
    int rc = pfs_verb_begin(&v, "remove", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts && opts->flags)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && opts && opts->if_match)
        rc = pfs_verb_gate(&v, POLYFS_FACT_REMOVE_CONDITION, "remove under a condition");
    if (rc == POLYFS_OK && opts && opts->version)
        rc = pfs_verb_gate(&v, POLYFS_FACT_VERSIONS, "keep versions");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_REMOVE);
        condition.if_match = opts ? opts->if_match : NULL;
        r.u.remove.version = opts ? opts->version : NULL;
        r.u.remove.condition = condition.if_match ? &condition : NULL;
        rc = pfs_verb_run(&v, &r);
        if (rc == POLYFS_NOT_FOUND && r.earlier_unknown)
            rc = POLYFS_OK; /* the attempt whose reply was lost removed it */
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_set_times(struct polyfs_fs *fs, const char *path, int64_t mtime_ns, int64_t atime_ns,
                     const struct polyfs_call_opts *opts, struct polyfs_error *err)
{
    struct pfs_verb v;
    int rc = pfs_verb_begin(&v, "set the times of", fs, path, opts);
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, POLYFS_FACT_SET_TIMES, "set times");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_SET_TIMES);
        r.u.times.mtime_ns = mtime_ns;
        r.u.times.atime_ns = atime_ns;
        rc = pfs_verb_run(&v, &r);
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_link(struct polyfs_fs *fs, const char *path, const char *to, const struct polyfs_call_opts *opts,
                struct polyfs_error *err)
{
    struct pfs_verb v;
    const struct polyfs_source target = {.path = to, .path_len = strlen(to)};
    int rc = pfs_verb_begin(&v, "link", fs, path, opts);
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, POLYFS_FACT_LINKS, "make links");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_LINK);
        r.u.copy.sources = &target;
        r.u.copy.count = 1;
        rc = pfs_verb_run(&v, &r);
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_set_metadata(struct polyfs_fs *fs, const char *path, const struct polyfs_kv *pairs, size_t count,
                        const char *content_type, const struct polyfs_call_opts *opts, struct polyfs_error *err)
{
    struct pfs_verb v;
    int rc = pfs_verb_begin(&v, "set the metadata of", fs, path, opts);
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, POLYFS_FACT_SET_METADATA, "change metadata");
    if (rc == POLYFS_OK) {
        struct polyfs_put_request request = {
            .struct_size = sizeof(request),
            .durability = POLYFS_DURABILITY_FULL,
            .size_hint = POLYFS_SIZE_UNKNOWN,
            .condition = POLYFS_CONDITION_INIT,
            .content_type = content_type,
            .metadata = pairs,
            .metadata_count = (uint32_t)count,
            .metadata_stride = sizeof(*pairs),
        };
        struct polyfs_caps caps;
        rc = pfs_verb_caps(&v, path, &caps);
        if (rc == POLYFS_OK)
            rc = pfs_put_gate(fs, &caps, &request, &v.error);
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_SET_METADATA);
        r.u.put.request = &request;
        if (rc == POLYFS_OK)
            rc = pfs_verb_run(&v, &r);
    }
    return pfs_verb_end(&v, rc, err);
}

int polyfs_sign(struct polyfs_fs *fs, const char *path, const char *verb, uint32_t life_s,
                const struct polyfs_call_opts *opts, char **out, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_text text = {NULL, 0, 0};
    int put = strcmp(verb, "PUT") == 0;
    int rc = pfs_verb_begin(&v, "sign a URL for", fs, path, opts);
    if (rc == POLYFS_OK && !put && strcmp(verb, "GET") != 0)
        rc = polyfs_fail(&v.error, POLYFS_INVALID, "the verb is GET or PUT, not \"%s\"", verb);
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, put ? POLYFS_FACT_SIGN_PUT : POLYFS_FACT_SIGN_GET, "sign URLs");
    if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_SIGN);
        r.u.sign.verb = verb;
        r.u.sign.life_s = life_s;
        r.u.sign.out = &text;
        rc = pfs_verb_run(&v, &r);
    }
    if (rc == POLYFS_OK && !(*out = pfs_text_steal(&text)))
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for the URL");
    pfs_text_clear(&text);
    return pfs_verb_end(&v, rc, err);
}

void polyfs_free(void *memory)
{
    free(memory);
}
