/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs manifest: the manifest of a plugin, from its own description. That loads its code, so it happens in the
 * program that the build uses for it, found beside this one or in libexec.
 */
#include <errno.h>
#include <unistd.h>

#include "cli.h"

static char *helper(void)
{
    static const char *const places[] = {"polyfs-manifest", "../libexec/polyfs/polyfs-manifest"};
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    for (size_t i = 0; folder && i < G_N_ELEMENTS(places); i++) {
        char *path = g_build_filename(folder, places[i], NULL);
        if (access(path, X_OK) == 0)
            return path;
        g_free(path);
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    char out[] = "/dev/stdout";
    g_autofree char *program = helper();
    g_autofree char *library = g_canonicalize_filename(argv[0], NULL);
    char *words[] = {program, library, argc > 1 ? argv[1] : out, NULL};
    if (!program)
        return cli_fail(POLYFS_UNSUPPORTED, argv[0], "this installation lacks libexec/polyfs/polyfs-manifest");
    fflush(stdout);
    execv(program, words);
    return cli_fail(POLYFS_IO, argv[0], "cannot run %s: %s", program, g_strerror(errno));
}

static const char *const examples[] = {
    "polyfs manifest ./polyfs-x.so > x.plugin",
    "what goes beside the library into a folder of plugins",
    NULL,
};
const struct cli_command cmd_manifest = {
    .name = "manifest",
    .args = "FILE.so [OUT]",
    .summary = "Write the manifest of a plugin",
    .examples = examples,
    .task = CLI_STORES,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
