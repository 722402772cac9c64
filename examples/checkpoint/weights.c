/* SPDX-License-Identifier: Apache-2.0 */
/* weights URL PATTERN: reads those tensors of the newest checkpoint whose names fit, and nothing else of it. */
#include <polyfs/checkpoint.h>
#include <stdio.h>
#include <stdlib.h>

static int read_one(struct polyfs_tensors *tensors, const struct polyfs_tensor *tensor, struct polyfs_error *err)
{
    struct polyfs_tensor_read read = {tensor, malloc(tensor->bytes + 1), POLYFS_OK, 0};
    int rc = read.buffer ? polyfs_tensors_read(tensors, &read, 1, err) : POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        printf("%s: %s, %llu bytes\n", tensor->name, tensor->dtype, (unsigned long long)tensor->bytes);
    free(read.buffer);
    return rc;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    struct polyfs_tensors *tensors = NULL;
    opts.flags = POLYFS_CKPT_READ_ONLY; /* a trainer may be saving meanwhile */
    int rc = argc == 3 ? polyfs_ckpt_open(argv[1], &opts, &run, &err) : POLYFS_INVALID;
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(run, "latest", 0, &view, &err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_tensors(view, &tensors, &err);
    for (size_t i = 0; rc == POLYFS_OK && i < polyfs_tensors_count(tensors); i++)
        if (polyfs_tensor_matches(argv[2], polyfs_tensors_at(tensors, i)->name))
            rc = read_one(tensors, polyfs_tensors_at(tensors, i), &err);
    if (rc != POLYFS_OK)
        fprintf(stderr, "%s\n", argc == 3 ? err.message : "usage: weights URL PATTERN");
    polyfs_tensors_close(tensors);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return rc == POLYFS_OK ? 0 : 1;
}
