/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an object and reads it back, then saves a checkpoint and lists it, below the URL of its argument. */
#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>
#include <stdio.h>

static int object(const char *folder, struct polyfs_error *err)
{
    char url[1024];
    void *data;
    snprintf(url, sizeof(url), "%s/object", folder);
    if (polyfs_put_url(url, "from outside\n", 13, err) || polyfs_get_url(url, &data, NULL, err))
        return 1;
    printf("%s", (char *)data);
    polyfs_free(data);
    return 0;
}

static int checkpoint(const char *folder, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_item item = {"weights", "0123456789", 10, NULL};
    struct polyfs_ckpt *run;
    struct polyfs_ckpt_list *list;
    char url[1024];
    opts.step = 7;
    snprintf(url, sizeof(url), "%s/run", folder);
    if (polyfs_ckpt_open(url, NULL, &run, err) || polyfs_ckpt_save(run, &opts, &item, 1, NULL, err) ||
        polyfs_ckpt_list(run, &list, err))
        return 1;
    printf("checkpoints: %zu\n", polyfs_ckpt_list_count(list));
    polyfs_ckpt_list_free(list);
    polyfs_ckpt_close(run);
    return 0;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    if (argc != 2 || object(argv[1], &err) || checkpoint(argv[1], &err)) {
        fprintf(stderr, "%s\n", argc != 2 ? "usage: outside URL" : err.message);
        return 1;
    }
    return 0;
}
