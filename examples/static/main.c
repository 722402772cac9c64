/* SPDX-License-Identifier: Apache-2.0 */
/* A program that carries polyfs and its plugins within itself: no plugin folder, no shared library of polyfs. */
#include <polyfs/polyfs.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    const char *url = argc > 1 ? argv[1] : "memory://hello";
    void *data;
    if (polyfs_put_url(url, "carried within\n", 15, &err) || polyfs_get_url(url, &data, NULL, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%s: %s", url, (char *)data);
    polyfs_free(data);
    return 0;
}
