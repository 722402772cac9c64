/* SPDX-License-Identifier: Apache-2.0 */
#include <polyfs/polyfs.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    void *data;
    if (argc < 2 || polyfs_get_url(argv[1], &data, NULL, &err))
        return fprintf(stderr, "%s\n", argc < 2 ? "usage: hello URL" : err.message), 1;
    printf("%s", (char *)data);
    polyfs_free(data);
}
