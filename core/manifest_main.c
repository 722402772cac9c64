/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs-manifest PLUGIN.so OUT: writes the manifest of a plugin. Used by the build; people type `polyfs manifest`. */
#include <stdlib.h>

#include "core/loader.h"
#include "core/manifest.h"

int main(int argc, char **argv)
{
    PFS_ERROR(err);
    const struct polyfs_plugin *raw;
    char *text = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: %s PLUGIN.so OUT\n", argv[0]);
        return 2;
    }
    int rc = pfs_loader_describe(argv[1], &raw, &err);
    if (rc == POLYFS_OK)
        rc = pfs_manifest_write(raw, &text, &err);
    FILE *out = rc == POLYFS_OK ? fopen(argv[2], "w") : NULL;
    if (rc != POLYFS_OK || !out || fputs(text, out) < 0 || fclose(out) != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], rc == POLYFS_OK ? "its manifest cannot be written" : err.message);
        return 1;
    }
    free(text);
    return 0;
}
