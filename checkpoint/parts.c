/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a trainer, saved and loaded in the order that Lightning's hooks have (docs/checkpoints.md). A part owns
 * the files that bear its name; where two names fit, the longer one owns it.
 */
#include <string.h>

#include "differ.h"
#include "saver.h"
#include "view.h"

struct parts {
    const char *at;
    size_t count, stride;
};

static struct parts parts_of(const struct polyfs_ckpt_part *parts, size_t count)
{
    size_t stride = count && parts->struct_size ? parts->struct_size : sizeof(*parts);
    return (struct parts){(const char *)parts, count, stride};
}

static const struct polyfs_ckpt_part *part_at(const struct parts *parts, size_t index)
{
    return (const struct polyfs_ckpt_part *)(const void *)(parts->at + index * parts->stride);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static int fits(const struct polyfs_ckpt_part *part, const char *file)
{
    size_t n = strlen(part->name);
    return strncmp(part->name, file, n) == 0 && (!file[n] || file[n] == '.' || file[n] == '/');
}

static const struct polyfs_ckpt_part *owner_of(const struct parts *parts, const char *file)
{
    const struct polyfs_ckpt_part *owner = NULL;
    file = ckpt_ranks_plain(file);
    for (size_t i = 0; i < parts->count; i++) {
        const struct polyfs_ckpt_part *part = part_at(parts, i);
        if (fits(part, file) && (!owner || strlen(part->name) > strlen(owner->name)))
            owner = part;
    }
    return owner;
}

static int parts_check(const struct parts *parts, struct polyfs_error *err)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct polyfs_ckpt_part *part = part_at(parts, i);
        if (!part->name || !ckpt_name_valid(part->name) || part->role < POLYFS_CKPT_LOOPS ||
            part->role > POLYFS_CKPT_DATAMODULE)
            return ckpt_fail(err, POLYFS_INVALID, "take", "a part of the trainer",
                             "its name \"%s\" or its role %u is none", part->name ? part->name : "", part->role);
        for (size_t j = 0; j < i; j++)
            if (strcmp(part_at(parts, j)->name, part->name) == 0)
                return ckpt_fail(err, POLYFS_INVALID, "take", "a part of the trainer", "two have the name \"%s\"",
                                 part->name);
    }
    return POLYFS_OK;
}

/* ---- saving ----------------------------------------------------------------------------------------------------- */

struct save {
    struct polyfs_ckpt_saver *saver;
    struct parts parts;
};

/* What it wrote has to be its own: else another part, or none, would find it when it is loaded. */
static int save_one(const struct save *save, const struct polyfs_ckpt_part *part, polyfs_ckpt_part_save_fn *fn,
                    struct polyfs_error *err)
{
    const struct ckpt_manifest *manifest = &save->saver->manifest;
    size_t before = manifest->count;
    int rc = fn(save->saver, part, err);
    if (rc == POLYFS_OK)
        rc = ckpt_saver_file_end(save->saver, err);
    for (size_t i = before; i < manifest->count && rc == POLYFS_OK; i++)
        if (owner_of(&save->parts, manifest->files[i].name) != part)
            rc = ckpt_fail(err, POLYFS_INVALID, "save", manifest->files[i].name,
                           "the part \"%s\" wrote it; its files are named %s, %s.… or %s/…", part->name, part->name,
                           part->name, part->name);
    return rc;
}

static int save_states(const struct save *save, uint32_t role, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < save->parts.count && rc == POLYFS_OK; i++) {
        const struct polyfs_ckpt_part *part = part_at(&save->parts, i);
        if (part->role == role && part->save)
            rc = save_one(save, part, part->save, err);
    }
    return rc;
}

/* Those of @role, or, with 0, of all but callbacks and the module. */
static int save_hooks(const struct save *save, uint32_t role, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < save->parts.count && rc == POLYFS_OK; i++) {
        const struct polyfs_ckpt_part *part = part_at(&save->parts, i);
        int other = part->role != POLYFS_CKPT_CALLBACK && part->role != POLYFS_CKPT_MODULE;
        if (part->on_save && (role ? part->role == role : other))
            rc = save_one(save, part, part->on_save, err);
    }
    return rc;
}

int polyfs_ckpt_save_parts(struct polyfs_ckpt_saver *saver, const struct polyfs_ckpt_part *parts, size_t count,
                           uint32_t flags, struct polyfs_error *err)
{
    const struct save save = {saver, parts_of(parts, count)};
    const uint32_t last = flags & POLYFS_CKPT_WEIGHTS_ONLY ? POLYFS_CKPT_MODULE : POLYFS_CKPT_DATAMODULE;
    if (flags & ~POLYFS_CKPT_WEIGHTS_ONLY)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "save", "the parts of the trainer", "a flag is not known");
    int rc = parts_check(&save.parts, err);
    for (uint32_t role = POLYFS_CKPT_LOOPS; role <= last && rc == POLYFS_OK; role++)
        rc = save_states(&save, role, err);
    if (rc == POLYFS_OK && last != POLYFS_CKPT_MODULE)
        rc = save_hooks(&save, POLYFS_CKPT_CALLBACK, err);
    if (rc == POLYFS_OK && last != POLYFS_CKPT_MODULE)
        rc = save_hooks(&save, 0, err);
    return rc == POLYFS_OK ? save_hooks(&save, POLYFS_CKPT_MODULE, err) : rc;
}

/* ---- loading ---------------------------------------------------------------------------------------------------- */

struct load {
    struct polyfs_ckpt_view *view;
    struct parts parts;
    uint32_t flags;
    struct ckpt_differ differ;
};

static int takes_part(const struct load *load, const struct polyfs_ckpt_part *part)
{
    return (part->load || part->on_load) &&
           (!(load->flags & POLYFS_CKPT_WEIGHTS_ONLY) || part->role == POLYFS_CKPT_MODULE);
}

static int has_entry(const struct load *load, const struct polyfs_ckpt_part *part)
{
    for (size_t i = 0; i < load->view->manifest.count; i++)
        if (owner_of(&load->parts, load->view->manifest.files[i].name) == part)
            return 1;
    return 0;
}

static int compare(struct load *load, struct polyfs_error *err)
{
    const struct ckpt_manifest *manifest = &load->view->manifest;
    for (size_t i = 0; i < load->parts.count; i++)
        if (takes_part(load, part_at(&load->parts, i)) && !has_entry(load, part_at(&load->parts, i)))
            ckpt_differs(&load->differ, part_at(&load->parts, i)->name, 0);
    for (size_t i = 0; i < manifest->count && !(load->flags & POLYFS_CKPT_WEIGHTS_ONLY); i++)
        if (!owner_of(&load->parts, manifest->files[i].name) &&
            strcmp(ckpt_ranks_plain(manifest->files[i].name), POLYFS_CKPT_POLICY_FILE) != 0)
            ckpt_differs(&load->differ, manifest->files[i].name, 1);
    if (!(load->flags & POLYFS_CKPT_STRICT) || !load->differ.first)
        return POLYFS_OK;
    return ckpt_fail(err, ckpt_differ_code(&load->differ), "load", load->view->info.name,
                     "%zu parts have no entry in it and %zu entries no part, \"%s\" first; load it without "
                     "POLYFS_CKPT_STRICT to take what fits",
                     load->differ.missing, load->differ.unexpected, load->differ.first);
}

/* All hooks of a role, then all states. */
static int load_role(const struct load *load, uint32_t role, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (int state = 0; state < 2; state++)
        for (size_t i = 0; i < load->parts.count && rc == POLYFS_OK; i++) {
            const struct polyfs_ckpt_part *part = part_at(&load->parts, i);
            polyfs_ckpt_part_load_fn *fn = state ? part->load : part->on_load;
            if (part->role == role && fn && takes_part(load, part) && has_entry(load, part))
                rc = fn(load->view, part, err);
        }
    return rc;
}

int polyfs_ckpt_load_parts(struct polyfs_ckpt_view *view, const struct polyfs_ckpt_part *parts, size_t count,
                           uint32_t flags, polyfs_ckpt_differ_fn *differ, void *user, struct polyfs_error *err)
{
    static const uint32_t order[] = {POLYFS_CKPT_MODULE,    POLYFS_CKPT_DATAMODULE, POLYFS_CKPT_CALLBACK,
                                     POLYFS_CKPT_PRECISION, POLYFS_CKPT_LOOPS,      POLYFS_CKPT_OPTIMIZER,
                                     POLYFS_CKPT_SCHEDULER};
    struct load load = {.view = view,
                        .parts = parts_of(parts, count),
                        .flags = flags,
                        .differ = {.tell = differ, .user = user}};
    if (flags & ~(POLYFS_CKPT_STRICT | POLYFS_CKPT_WEIGHTS_ONLY))
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "load", view->info.name, "a flag is not known");
    int rc = parts_check(&load.parts, err);
    if (rc == POLYFS_OK)
        rc = compare(&load, err);
    for (size_t i = 0; i < sizeof(order) / sizeof(*order) && rc == POLYFS_OK; i++)
        rc = load_role(&load, order[i], err);
    return rc;
}
