/* SPDX-License-Identifier: Apache-2.0 */
#include "tensors.h"

int cli_is_tensors(const char *url)
{
    static const char *const ends[] = {".safetensors", ".ckpt", ".pt", ".pth"};
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        if (g_str_has_suffix(url, ends[i]))
            return 1;
    return 0;
}

static int of_file(const char *url, struct cli_tensors *out)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct cli_place place;
    int rc = cli_open(url, &place);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_tensors_open(place.fs, place.path, &call, &out->tensors, &err);
    cli_close(&place);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int of_run(const char *url, const char *which, struct cli_tensors *out)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(url, POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    out->view = cli_ckpt_load(ckpt, which ? which : "latest", &rc);
    polyfs_ckpt_close(ckpt);
    if (!out->view)
        return rc;
    rc = polyfs_ckpt_tensors(out->view, &out->tensors, &err);
    if (rc == POLYFS_OK)
        return rc;
    cli_tensors_close(out);
    return cli_tell(&err);
}

int cli_tensors_open(const char *url, const char *which, struct cli_tensors *out)
{
    *out = (struct cli_tensors){NULL, NULL};
    return !which && cli_is_tensors(url) ? of_file(url, out) : of_run(url, which, out);
}

void cli_tensors_close(struct cli_tensors *from)
{
    polyfs_tensors_close(from->tensors);
    polyfs_ckpt_view_close(from->view);
    *from = (struct cli_tensors){NULL, NULL};
}

uint64_t cli_tensors_bytes(const struct cli_tensors *from, const char *pattern)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < polyfs_tensors_count(from->tensors); i++) {
        const struct polyfs_tensor *tensor = polyfs_tensors_at(from->tensors, i);
        if (!pattern || polyfs_tensor_matches(pattern, tensor->name))
            bytes += tensor->bytes;
    }
    return bytes;
}
