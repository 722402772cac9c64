/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs presign: a URL that anybody may use for a while. Nothing is sent. */
#include "cli.h"

static char *expires;
static int put;

static int print(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    char *url = NULL;
    if (polyfs_sign(place->fs, path, put ? "PUT" : "GET", *(uint32_t *)user, &call, &url, &err) != POLYFS_OK)
        return cli_tell(&err);
    puts(url);
    polyfs_free(url);
    return POLYFS_OK;
}

static int run(int argc, char **argv)
{
    int64_t us = INT64_C(3600) * 1000000;
    uint32_t life_s;
    (void)argc;
    if (expires && cli_parse_duration(expires, &us) != POLYFS_OK)
        return cli_usage("--expires takes a time such as 15m, 1h or 3600s, not \"%s\"", expires);
    life_s = (uint32_t)CLAMP(us / 1000000, 0, UINT32_MAX);
    return cli_each_name(argv, print, &life_s);
}

static const GOptionEntry options[] = {
    {"expires", 0, 0, G_OPTION_ARG_FILENAME, &expires, "how long it may be used: 1h if not given", "TIME"},
    {"put", 0, 0, G_OPTION_ARG_NONE, &put, "for writing instead of reading", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs presign --expires 15m s3://bucket/model.bin",
    "curl -O takes it as it is",
    NULL,
};
const struct cli_command cmd_presign = {
    .name = "presign",
    .aliases = "sign",
    .args = "URL...",
    .summary = "Print URLs that anybody may use for a while",
    .details = "Whoever has the URL has the right that it gives, so it is a secret while it lives.",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
