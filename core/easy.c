/* SPDX-License-Identifier: Apache-2.0 */
/* The ten-line path: open, do one thing, close; the filesystem stays cached for the next one. */
#include <stdlib.h>

#include "polyfs/url.h"

int polyfs_get_url(const char *url, void **out_data, size_t *out_n, struct polyfs_error *err)
{
    struct polyfs_fs *fs;
    char *path;
    int rc = polyfs_fs_open(url, NULL, &fs, &path, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_get_all(fs, path, NULL, out_data, out_n, NULL, err);
    polyfs_free(path);
    polyfs_fs_close(fs);
    return rc;
}

int polyfs_put_url(const char *url, const void *data, size_t size, struct polyfs_error *err)
{
    struct polyfs_fs *fs;
    char *path;
    int rc = polyfs_fs_open(url, NULL, &fs, &path, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_put(fs, path, data, size, NULL, NULL, err);
    polyfs_free(path);
    polyfs_fs_close(fs);
    return rc;
}

int polyfs_open_url(const char *url, struct polyfs_reader **out_reader, struct polyfs_error *err)
{
    struct polyfs_fs *fs;
    char *path;
    int rc = polyfs_fs_open(url, NULL, &fs, &path, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_reader_open(fs, path, NULL, out_reader, err);
    polyfs_free(path);
    polyfs_fs_close(fs);
    return rc;
}
