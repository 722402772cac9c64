/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs checksum: of all bytes of objects; what the store keeps where it keeps that kind, else by reading. */
#include "cli.h"

static char *kind_name;

static int print(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_checksum sum = {0, 0, {0}};
    if (polyfs_checksum(place->fs, path, *(uint32_t *)user, &call, &sum, &err) != POLYFS_OK)
        return cli_tell(&err);
    g_autofree char *hex = cli_checksum_text(&sum);
    if (cli.json) {
        g_autofree char *url = cli_url_of(place, path);
        json_t *row = json_object();
        cli_json_text(row, "uri", url);
        cli_json_text(row, "kind", cli_checksum_name(sum.kind));
        cli_json_text(row, "checksum", hex);
        cli_json_line(stdout, row);
        return POLYFS_OK;
    }
    g_autofree char *name = cli_name_of(place, path);
    printf("%s  ", hex);
    cli_print_name(name);
    puts("");
    return POLYFS_OK;
}

static int run(int argc, char **argv)
{
    uint32_t kind = POLYFS_CHECKSUM_CRC32C;
    (void)argc;
    for (kind = 1; kind_name && kind < 1024 && strcmp(cli_checksum_name(kind), kind_name) != 0; kind *= 2)
        ;
    if (kind >= 1024)
        return cli_usage("--kind takes crc32c, crc64nvme, md5 or sha256, not \"%s\"", kind_name);
    return cli_each(argv, print, &kind);
}

static const GOptionEntry options[] = {
    {"kind", 'k', 0, G_OPTION_ARG_FILENAME, &kind_name, "crc32c (if not given), crc64nvme, md5, sha256", "KIND"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs checksum -k sha256 s3://bucket/model.bin",
    "as sha256sum prints it",
    NULL,
};
const struct cli_command cmd_checksum = {
    .name = "checksum",
    .aliases = "hash",
    .args = "URL...",
    .summary = "Print checksums of objects",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
