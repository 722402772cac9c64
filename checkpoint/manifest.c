/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of one checkpoint: its files with size and checksum. Written before the record that refers to it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

int ckpt_manifest_add(struct ckpt_manifest *manifest, const char *name, uint64_t size, uint32_t crc)
{
    if (manifest->count == manifest->room) {
        size_t room = manifest->room ? manifest->room * 2 : 8;
        struct ckpt_file *more = realloc(manifest->files, room * sizeof(*more));
        if (!more)
            return POLYFS_NOMEM;
        manifest->files = more;
        manifest->room = room;
    }
    char *own = strdup(name);
    if (!own)
        return POLYFS_NOMEM;
    manifest->files[manifest->count++] = (struct ckpt_file){own, size, crc};
    return POLYFS_OK;
}

void ckpt_manifest_clear(struct ckpt_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->files[i].name);
    free(manifest->files);
    memset(manifest, 0, sizeof(*manifest));
}

int ckpt_manifest_write(const struct ckpt_manifest *manifest, char **out, size_t *out_n)
{
    json_t *files = json_array();
    json_t *body = json_pack("{s:i, s:s, s:o}", "format", 1, "attempt", manifest->attempt, "files", files);
    int failed = !body;
    char *json = NULL;
    for (size_t i = 0; !failed && i < manifest->count; i++) {
        const struct ckpt_file *f = &manifest->files[i];
        failed = json_array_append_new(files, json_pack("{s:s, s:I, s:I}", "name", f->name, "size",
                                                        (json_int_t)f->size, "crc32c", (json_int_t)f->crc));
    }
    size_t n = 0;
    int rc = failed ? POLYFS_NOMEM : ckpt_json_write(body, &json, &n);
    if (rc == POLYFS_OK)
        rc = ckpt_seal(json, n, out, out_n);
    free(json);
    json_decref(body);
    return rc;
}

static int files_read(json_t *files, struct ckpt_manifest *out)
{
    size_t i;
    json_t *row;
    json_array_foreach(files, i, row)
    {
        const char *name;
        json_int_t size, crc;
        int rc = ckpt_json_unpack(row, "{s:s, s:I, s:I}", "name", &name, "size", &size, "crc32c", &crc);
        if (rc != POLYFS_OK)
            return rc;
        if (!ckpt_name_valid(name) || size < 0 || crc < 0 || crc > UINT32_MAX)
            return POLYFS_CORRUPT;
        for (size_t j = 0; j < out->count; j++)
            if (strcmp(out->files[j].name, name) == 0)
                return POLYFS_CORRUPT;
        if (ckpt_manifest_add(out, name, (uint64_t)size, (uint32_t)crc) != POLYFS_OK)
            return POLYFS_NOMEM;
    }
    return POLYFS_OK;
}

int ckpt_manifest_read(const char *text, size_t n, struct ckpt_manifest *out, char *why, size_t why_room)
{
    const char *json, *attempt;
    size_t json_n;
    int format;
    json_t *files, *body = NULL;
    memset(out, 0, sizeof(*out));
    int rc = ckpt_unseal(text, n, &json, &json_n);
    if (rc == POLYFS_OK)
        rc = ckpt_json_read(json, json_n, &body, why, why_room);
    if (rc == POLYFS_OK)
        rc = ckpt_json_unpack(body, "{s:i, s:s, s:o}", "format", &format, "attempt", &attempt, "files", &files);
    if (rc == POLYFS_OK && (!json_is_array(files) || strlen(attempt) != CKPT_ATTEMPT - 1))
        rc = POLYFS_CORRUPT;
    if (rc == POLYFS_OK) {
        memcpy(out->attempt, attempt, sizeof(out->attempt));
        rc = format == 1 ? files_read(files, out) : POLYFS_UNSUPPORTED;
    }
    snprintf(why, why_room, "%s",
             rc == POLYFS_UNSUPPORTED ? "its manifest has a newer format than this polyfs knows"
             : rc == POLYFS_NOMEM     ? "no memory to read its manifest"
                                      : "its manifest is damaged");
    json_decref(body);
    if (rc != POLYFS_OK)
        ckpt_manifest_clear(out);
    return rc;
}
