/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A read-only store in which every path holds the name of the plugin, and, built with -DBAD_…, each way in which a
 * plugin can be wrong. NAME is its name and protocol. Its constructor leaves a file behind, so that a test sees from
 * outside whether any code of it ran.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "polyfs/plugin.h"

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)

#ifdef USES_DEPENDENCY
const char *dependency_answer(void);
#define ANSWER dependency_answer()
#else
#define ANSWER QUOTE(NAME)
#endif

__attribute__((constructor)) static void leave_a_mark(void)
{
    const char *path = getenv("BADPLUGINS_MARK");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        ssize_t n = write(fd, QUOTE(NAME) "\n", sizeof(QUOTE(NAME) "\n") - 1);
        (void)n;
        close(fd);
    }
}

static int fs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
                   void **out_fs, struct polyfs_error *err)
{
    static int one;
    (void)call, (void)options, (void)inner, (void)err;
    *out_fs = &one;
    return POLYFS_OK;
}

static void fs_close(void *fs)
{
    (void)fs;
}

static int fs_caps(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                   struct polyfs_caps *out, struct polyfs_error *err)
{
    (void)call, (void)fs, (void)path, (void)path_len, (void)flags, (void)err;
    memset(out->fact, POLYFS_NO, sizeof(out->fact));
    return POLYFS_OK;
}

static void describe(struct polyfs_stat *out)
{
    if (!out)
        return;
    out->type = POLYFS_TYPE_FILE;
    out->size = strlen(ANSWER);
}

/* Not in the table of the one that lacks it. */
__attribute__((unused)) static int fs_stat(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                                           const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                                           struct polyfs_error *err)
{
    (void)call, (void)fs, (void)path, (void)path_len, (void)version, (void)meta, (void)err;
    describe(out);
    return POLYFS_OK;
}

static int fs_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                  const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
                  struct polyfs_error *err)
{
    uint64_t size = strlen(ANSWER), n = size > request->offset ? size - request->offset : 0;
    (void)call, (void)fs, (void)path, (void)path_len;
    if (request->offset > size)
        return polyfs_fail(err, POLYFS_RANGE, "the range begins behind the end");
    if (n > request->length)
        n = request->length;
    memcpy(buffer, &ANSWER[request->offset], n);
    *out_n = n;
    call->bytes_done = n;
    describe(out);
    return POLYFS_OK;
}

static int list_open(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    static int one;
    (void)call, (void)fs, (void)prefix, (void)prefix_len, (void)request, (void)err;
    *out_lister = &one;
    return POLYFS_OK;
}

static int list_next(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err)
{
    (void)call, (void)lister, (void)err;
    out->count = 0;
    return POLYFS_OK;
}

static const struct polyfs_fs_ops fs_ops = {
#ifdef BAD_SHORTTABLE
    .struct_size = offsetof(struct polyfs_fs_ops, get),
#else
    .struct_size = sizeof(struct polyfs_fs_ops),
#endif
    .open = fs_open,
    .close = fs_close,
    .caps = fs_caps,
#ifndef BAD_MISSINGSLOT
    .stat = fs_stat,
#endif
    .get = fs_get,
};

static const struct polyfs_lister_ops lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = list_open,
    .next = list_next,
    .close = fs_close,
};

static const struct polyfs_option options[] = {
    {"colour", "", "", POLYFS_OPTION_CHOICE, 0, "red", "red green", "what it looks like"},
};

static const struct polyfs_plugin plugin = {
#ifdef BAD_MAGIC
    .magic = 0x21444142u,
#else
    .magic = POLYFS_PLUGIN_MAGIC,
#endif
#ifdef BAD_SHORTDESCRIPTION
    .struct_size = offsetof(struct polyfs_plugin, fs),
#else
    .struct_size = sizeof(struct polyfs_plugin),
#endif
#ifdef BAD_MAJOR
    .abi_major = POLYFS_PLUGIN_MAJOR + 1,
#else
    .abi_major = POLYFS_PLUGIN_MAJOR,
#endif
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = QUOTE(NAME),
    .version = "1",
    .summary = "A plugin of the tests",
    .protocols = QUOTE(NAME),
    .authority = "none",
#ifdef STRICT
    .flags = POLYFS_PLUGIN_DOTS_REFUSED | POLYFS_PLUGIN_SLASHES_REFUSED,
#endif
    .options = options,
    .option_count = 1,
    .option_stride = sizeof(options[0]),
    .fs = &fs_ops,
    .lister = &lister_ops,
};

#ifdef NO_ENTRY
/* The entry is in the library that this one needs; this one only keeps it needed. */
const char *dependency_name(void);
POLYFS_API const char *badplugins_unused(void);
const char *badplugins_unused(void)
{
    return dependency_name() ? plugin.name : NULL;
}
#else
POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(NAME);

int POLYFS_PLUGIN_ENTRY(NAME)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                              struct polyfs_error *err)
{
    (void)host, (void)err;
#ifdef BAD_INITFAILS
    return polyfs_fail(err, POLYFS_CONFIG, "the licence file is missing; put it into /etc/%s", QUOTE(NAME));
#elif defined(BAD_INITCRASHES)
    raise(SIGSEGV);
#elif defined(BAD_INITEXITS)
    _exit(7);
#elif defined(BAD_INITGIVESNOTHING)
    return POLYFS_OK;
#endif
    *out = &plugin;
    return POLYFS_OK;
}
#endif
