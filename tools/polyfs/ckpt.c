/* SPDX-License-Identifier: Apache-2.0 */
/* What the ckpt verbs share. All but save and gc open the run read-only, so they disturb no trainer. */
#include "ckpt.h"

struct polyfs_ckpt *cli_ckpt_open_with(const char *url, const struct polyfs_ckpt_opts *opts, int *out_rc)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts own = *opts;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_ckpt *ckpt = NULL;
    g_autofree const char *const *options = cli_options_for(url);
    own.options = options;
    own.call = &call;
    *out_rc = polyfs_ckpt_open(url, &own, &ckpt, &err);
    if (*out_rc == POLYFS_OK)
        return ckpt;
    cli_tell(&err);
    return NULL;
}

struct polyfs_ckpt *cli_ckpt_open(const char *url, uint32_t flags, uint32_t keep, int *out_rc)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    opts.flags = flags;
    opts.keep_newest = keep;
    return cli_ckpt_open_with(url, &opts, out_rc);
}

json_t *cli_ckpt_json(const struct polyfs_ckpt_info *info)
{
    json_t *row = json_object();
    cli_json_text(row, "name", info->name);
    if (info->step != POLYFS_CKPT_NO_STEP)
        json_object_set_new(row, "step", json_integer(info->step));
    if (info->epoch != POLYFS_CKPT_NO_STEP)
        json_object_set_new(row, "epoch", json_integer(info->epoch));
    if (info->flags & POLYFS_CKPT_HAS_SCORE) /* JSON has no number for infinite or none */
        json_object_set_new(row, "score", json_real(info->score) ?: json_null());
    cli_json_time(row, "time", info->time_ns);
    cli_json_u64(row, "bytes", info->bytes);
    json_object_set_new(row, "files", json_integer(info->files));
    cli_json_u64(row, "seq", info->seq);
    cli_json_text(row, "attempt", info->attempt);
    if (info->flags & POLYFS_CKPT_IS_LAST)
        json_object_set_new(row, "last", json_true());
    if (info->flags & POLYFS_CKPT_IS_BEST)
        json_object_set_new(row, "best", json_true());
    if (info->flags & POLYFS_CKPT_FELL_BACK)
        cli_json_text(row, "fell_back", info->note);
    if (info->flags & POLYFS_CKPT_UNDONE)
        cli_json_text(row, "undone", info->note);
    return row;
}

static void number(int64_t value)
{
    if (value == POLYFS_CKPT_NO_STEP)
        printf(" %10s", "-");
    else
        printf(" %10" PRId64, value);
}

void cli_ckpt_head(void)
{
    printf("%-20s %10s %10s %12s %12s  %s\n", "TIME", "EPOCH", "STEP", "SCORE", "SIZE", "NAME");
}

void cli_ckpt_line(const struct polyfs_ckpt_info *info)
{
    char when[40], size[32], score[32] = "-";
    if (info->flags & POLYFS_CKPT_HAS_SCORE)
        snprintf(score, sizeof(score), "%.6g", info->score);
    printf("%-20s", cli_time_text(info->time_ns, when, sizeof(when)));
    number(info->epoch);
    number(info->step);
    printf(" %12s %12s  ", score, cli_size_text(info->bytes, 1, size, sizeof(size)));
    cli_print_name(info->name);
    printf("%s%s\n", info->flags & POLYFS_CKPT_IS_LAST ? " (last)" : "",
           info->flags & POLYFS_CKPT_IS_BEST ? " (best)" : "");
}

struct polyfs_ckpt_view *cli_ckpt_load(struct polyfs_ckpt *ckpt, const char *which, int *out_rc)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_view *view;
    *out_rc = polyfs_ckpt_load(ckpt, which, 0, &view, &err);
    if (*out_rc != POLYFS_OK) {
        cli_tell(&err);
        return NULL;
    }
    const struct polyfs_ckpt_info *info = polyfs_ckpt_view_info(view);
    if (info->flags & POLYFS_CKPT_FELL_BACK)
        cli_note("warning: %s", info->note);
    return view;
}

int cli_ckpt_name(const char *url, const char *which)
{
    int rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(url, POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    struct polyfs_ckpt_view *view = cli_ckpt_load(ckpt, which, &rc);
    polyfs_ckpt_close(ckpt);
    if (!view)
        return rc;
    if (cli.json) {
        cli_json_line(stdout, cli_ckpt_json(polyfs_ckpt_view_info(view)));
    } else {
        cli_print_name(polyfs_ckpt_view_info(view)->name);
        puts("");
    }
    polyfs_ckpt_view_close(view);
    return POLYFS_OK;
}

int cli_ckpt_number(const char *option, const char *text, int64_t *out)
{
    g_autoptr(GError) error = NULL;
    *out = POLYFS_CKPT_NO_STEP;
    if (text && !g_ascii_string_to_signed(text, 10, INT64_MIN + 1, INT64_MAX, out, &error))
        return cli_usage("--%s takes a whole number, not \"%s\"", option, text);
    return POLYFS_OK;
}

static void told(const struct polyfs_ckpt_info *info, const char *did, const char *to, const char *where)
{
    char size[32];
    if (cli.json)
        cli_json_line(stdout, cli_ckpt_json(info));
    else
        cli_note("%s %s %s %s: %s in %u files", did, info->name, to, where,
                 cli_size_text(info->bytes, 1, size, sizeof(size)), info->files);
}

void cli_ckpt_saved(const char *url, const struct polyfs_ckpt_info *info)
{
    told(info, "saved", "to", url);
    if (info->flags & POLYFS_CKPT_UNDONE)
        cli_note("warning: %s", info->note);
}

void cli_ckpt_loaded(const char *folder, const struct polyfs_ckpt_info *info)
{
    told(info, "loaded", "into", folder);
}
