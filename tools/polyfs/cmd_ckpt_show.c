/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt show: what is in a checkpoint, or in a file of tensors, without reading the tensors. */
#include "tensors.h"

static char *pattern;
static int state;

static char *shape_text(const struct polyfs_tensor *tensor)
{
    GString *text = g_string_new("[");
    for (uint32_t i = 0; i < tensor->rank; i++)
        g_string_append_printf(text, "%s%" PRIu64, i ? "," : "", tensor->shape[i]);
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

static void tensor_line(const struct polyfs_tensor *tensor)
{
    char size[32];
    g_autofree char *shape = shape_text(tensor);
    printf("%-8s %-20s %12s  ", tensor->dtype, shape, cli_size_text(tensor->bytes, 1, size, sizeof(size)));
    cli_print_name(tensor->name);
    puts("");
}

static void tensor_json(const struct polyfs_tensor *tensor)
{
    json_t *row = json_object(), *shape = json_array();
    cli_json_text(row, "tensor", tensor->name);
    cli_json_text(row, "dtype", tensor->dtype);
    for (uint32_t i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    json_object_set_new(row, "shape", shape);
    cli_json_u64(row, "bytes", tensor->bytes);
    cli_json_text(row, "file", tensor->file);
    cli_json_line(stdout, row);
}

static void head(const char *url, const struct cli_tensors *from, size_t shown)
{
    char size[32];
    const struct polyfs_ckpt_info *info = from->view ? polyfs_ckpt_view_info(from->view) : NULL;
    if (info) {
        cli_ckpt_head();
        cli_ckpt_line(info);
    } else {
        cli_print_name(url);
        puts("");
    }
    printf("%zu tensors, %s\n", shown, cli_size_text(cli_tensors_bytes(from, pattern), 1, size, sizeof(size)));
}

/* The first object says what it is; one follows for each tensor. */
static void head_json(const char *url, const struct cli_tensors *from, size_t shown)
{
    json_t *row = from->view ? cli_ckpt_json(polyfs_ckpt_view_info(from->view)) : json_object();
    if (!from->view)
        cli_json_text(row, "file", url);
    json_object_set_new(row, "tensors", json_integer((json_int_t)shown));
    json_object_set_new(row, "state", json_loads(polyfs_tensors_state(from->tensors), JSON_DECODE_ANY, NULL));
    json_t *names = json_array();
    for (size_t i = 0; from->view && i < polyfs_ckpt_view_count(from->view); i++)
        json_array_append_new(names, json_string(polyfs_ckpt_view_at(from->view, i)->name));
    if (json_array_size(names))
        json_object_set(row, "names", names);
    json_decref(names);
    cli_json_line(stdout, row);
}

static int fits(const struct polyfs_tensor *tensor)
{
    return !pattern || polyfs_tensor_matches(pattern, tensor->name);
}

static void show_files(const struct polyfs_ckpt_view *view)
{
    char size[32];
    for (size_t i = 0; view && i < polyfs_ckpt_view_count(view); i++) {
        const struct polyfs_ckpt_file *file = polyfs_ckpt_view_at(view, i);
        printf("%-8s %-20s %12s  ", "file", "", cli_size_text(file->size, 1, size, sizeof(size)));
        cli_print_name(file->name);
        puts("");
    }
}

static int run(int argc, char **argv)
{
    struct cli_tensors from;
    size_t shown = 0;
    int rc = cli_tensors_open(argv[0], argc > 1 ? argv[1] : NULL, &from);
    if (rc != POLYFS_OK)
        return rc;
    const size_t count = polyfs_tensors_count(from.tensors);
    for (size_t i = 0; i < count; i++)
        shown += fits(polyfs_tensors_at(from.tensors, i)) != 0;
    if (state) {
        puts(polyfs_tensors_state(from.tensors));
    } else {
        (cli.json ? head_json : head)(argv[0], &from, shown);
        if (!cli.json)
            show_files(from.view);
        for (size_t i = 0; i < count; i++)
            if (fits(polyfs_tensors_at(from.tensors, i)))
                (cli.json ? tensor_json : tensor_line)(polyfs_tensors_at(from.tensors, i));
    }
    cli_tensors_close(&from);
    return POLYFS_OK;
}

static const GOptionEntry options[] = {
    {"tensors", 't', 0, G_OPTION_ARG_FILENAME, &pattern, "only those whose names fit, e.g. 'encoder.*'", "PATTERN"},
    {"state", 0, 0, G_OPTION_ARG_NONE, &state, "what is there beside tensors, as JSON", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt show s3://bucket/run best",
    "files, tensors, types, shapes and sizes",
    "polyfs ckpt show s3://bucket/lightning/epoch=3.ckpt --state",
    "what torch saved beside the tensors; nothing of it is executed",
    NULL,
};
const struct cli_command cmd_ckpt_show = {
    .name = "ckpt show",
    .args = "URL [NAME|latest|last|best]",
    .summary = "Show the tensors and files of a checkpoint, or of a .ckpt, .pt or .safetensors",
    .details = "URL is the folder of a run, or a file of tensors on any store. Only its index is read.",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
