/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading. A checked file is opened by its absolute path and compared with the check afterwards; a descriptor's
 * path under /proc is never loaded, since glibc knows objects by name and would give the previous plugin on the
 * same number (docs/adr/0005-loading.md).
 */
#include "core/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/elf.h"
#include "core/host.h"

#ifndef POLYFS_PLUGIN_DIR
#define POLYFS_PLUGIN_DIR "/usr/local/lib/polyfs/plugins-1"
#endif
#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#define ENTRY_SYMBOL QUOTE(POLYFS_PLUGIN_ENTRY(any))
#define SUBFOLDER "polyfs/plugins-1"
#define LINKS_MAX 40u /* on the way to one library, as the kernel has it */

/* ---- where ----------------------------------------------------------------------------------------------- */

/* Folders as they are gathered; `failed` when there was no memory for one. */
struct gathered {
    struct pfs_folder *rows;
    size_t count;
    int failed;
};

/* Takes the path; NULL: it could not be made. */
static void folder_add(struct gathered *to, char *path, int trusted)
{
    int known = 0;
    to->failed |= !path;
    for (size_t i = 0; path && i < to->count; i++)
        known |= strcmp(to->rows[i].path, path) == 0;
    if (!path || known || *path != '/' || to->count == PFS_FOLDERS_MAX)
        free(path);
    else
        to->rows[to->count++] = (struct pfs_folder){path, trusted};
}

/* The file that this very code was loaded from: libpolyfs, or the program that it is linked into. */
static int own_file(Dl_info *info)
{
    static const char here;
    return dladdr(&here, info) && info->dli_fname;
}

static void folder_beside_library(struct gathered *to)
{
    Dl_info info;
    char *real = own_file(&info) ? realpath(info.dli_fname, NULL) : NULL;
    char *slash = real ? strrchr(real, '/') : NULL;
    if (slash)
        folder_add(to, pfs_format("%.*s/" SUBFOLDER, (int)(slash - real), real), 0);
    else
        to->failed |= errno == ENOMEM;
    free(real);
}

static void folders_of_env(struct gathered *to)
{
    const char *list = pfs_env("POLYFS_PLUGIN_PATH");
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n)
            folder_add(to, pfs_copy(list, n), 0);
        list += n + (list[n] == ':');
    }
}

int pfs_loader_folders(char *const *added, struct pfs_folder out[PFS_FOLDERS_MAX], size_t *out_count,
                       struct polyfs_error *err)
{
    struct gathered to = {out, 0, 0};
    errno = 0;
    for (; added && *added; added++)
        folder_add(&to, strdup(*added), 1);
    folders_of_env(&to);
    const char *home = pfs_env("HOME");
    if (home && *home == '/')
        folder_add(&to, pfs_format("%s/.local/lib/" SUBFOLDER, home), 0);
    folder_beside_library(&to);
    folder_add(&to, strdup(POLYFS_PLUGIN_DIR), 0);
    *out_count = to.count;
    return to.failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for the folders of plugins") : POLYFS_OK;
}

/* ---- which ------------------------------------------------------------------------------------------------- */

static int owner_is_trusted(uid_t owner)
{
    Dl_info info;
    struct stat library;
    if (owner == 0 || owner == geteuid())
        return 1;
    return own_file(&info) && stat(info.dli_fname, &library) == 0 && owner == library.st_uid;
}

static int check_owner_and_mode(const char *path, const struct stat *st, int entry_below_is_sticky_safe,
                                struct polyfs_error *err)
{
    const char *kind = S_ISDIR(st->st_mode) ? "folder" : "file";
    int foreign = !owner_is_trusted(st->st_uid), sticky = S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX;
    if (!foreign && ((sticky && entry_below_is_sticky_safe) || !(st->st_mode & (S_IWOTH | S_IWGRP))))
        return POLYFS_OK;
    g_autofree char *word = pfs_shell_word(path);
    if (!word)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to check %s", path);
    if (foreign)
        return polyfs_fail(err, POLYFS_PLUGIN,
                           "the %s %s belongs to another user (%u); if you trust it: chown %u %s", kind, path,
                           st->st_uid, geteuid(), word);
    if (st->st_mode & S_IWOTH)
        return polyfs_fail(err, POLYFS_PLUGIN, "anybody may write to the %s %s; to end that: chmod o-w %s", kind,
                           path, word);
    if (st->st_mode & S_IWGRP && st->st_gid != 0 && (geteuid() == 0 || getauxval(AT_SECURE)))
        return polyfs_fail(err, POLYFS_PLUGIN,
                           "a group may write to the %s %s, and this process is privileged; to end "
                           "that: chmod g-w %s",
                           kind, path, word);
    return POLYFS_OK;
}

static int check_parents(const char *path, unsigned *links, struct polyfs_error *err);

/* A link on the way is as good as its owner, and as the folders on the way to where it points. */
static int check_link(const char *link, const struct stat *st, unsigned *links, struct polyfs_error *err)
{
    g_autofree char *to = g_file_read_link(link, NULL), *word = pfs_shell_word(link);
    if (!owner_is_trusted(st->st_uid))
        return polyfs_fail(err, POLYFS_PLUGIN,
                           "the link %s belongs to another user (%u); if you trust it: chown -h %u %s", link,
                           st->st_uid, geteuid(), word);
    if (!to || ++*links > LINKS_MAX)
        return polyfs_fail(err, POLYFS_PLUGIN, "the link %s cannot be followed", link);
    g_autofree char *folder = g_path_get_dirname(link);
    g_autofree char *entry = *to == '/' ? g_strconcat(to, "/.", NULL) : g_strconcat(folder, "/", to, "/.", NULL);
    return check_parents(entry, links, err);
}

static int check_folder(const char *folder, unsigned *links, struct polyfs_error *err)
{
    struct stat st;
    int rc = POLYFS_OK;
    if (lstat(folder, &st) == 0 && S_ISLNK(st.st_mode))
        rc = check_link(folder, &st, links, err);
    if (rc == POLYFS_OK && stat(folder, &st) < 0)
        return polyfs_fail(err, POLYFS_PLUGIN, "the folder %s cannot be looked at: %s", folder,
                           strerrordesc_np(errno));
    return rc == POLYFS_OK ? check_owner_and_mode(folder, &st, 1, err) : rc;
}

/* Each folder from the file up to the root. An entry that passed makes a sticky folder above it safe. */
static int check_parents(const char *path, unsigned *links, struct polyfs_error *err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    for (;;) {
        int rc = check_folder(folder, links, err);
        if (rc != POLYFS_OK || strcmp(folder, "/") == 0)
            return rc;
        char *parent = g_path_get_dirname(folder);
        g_free(folder);
        folder = parent;
    }
}

static int check_open(int fd, const char *path, int trusted, struct stat *st, struct polyfs_error *err)
{
    if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
        return polyfs_fail(err, POLYFS_PLUGIN, "%s is no regular file", path);
    unsigned links = 0;
    int rc = trusted ? POLYFS_OK : check_owner_and_mode(path, st, 0, err);
    if (rc == POLYFS_OK && !trusted)
        rc = check_parents(path, &links, err);
    return rc == POLYFS_OK ? pfs_elf_check(fd, path, ENTRY_SYMBOL, err) : rc;
}

/* A link may be turned between check and load. */
static int refuse_link(const char *path, struct polyfs_error *err)
{
    char *real = realpath(path, NULL);
    g_autofree char *word = pfs_shell_word(path), *from = real ? pfs_shell_word(real) : NULL;
    free(real);
    if (!from)
        return polyfs_fail(err, POLYFS_PLUGIN, "%s is a symbolic link that leads nowhere; to end that: rm %s", path,
                           word);
    return polyfs_fail(err, POLYFS_PLUGIN, "%s is a symbolic link; to end that: cp --remove-destination %s %s",
                       path, from, word);
}

/* Opens and checks; the descriptor keeps the inode alive until the loaded file was compared with it. */
static int open_checked(const char *path, int trusted, int *out_fd, struct stat *st, struct polyfs_error *err)
{
    if (*path != '/')
        return polyfs_fail(err, POLYFS_PLUGIN, "the path of the library is not absolute: %s", path);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* a FIFO would wait for its writer */
    if (fd < 0 && errno == ELOOP)
        return refuse_link(path, err);
    if (fd < 0)
        return polyfs_fail(err, POLYFS_PLUGIN, "the library %s cannot be opened: %s", path, strerrordesc_np(errno));
    int rc = check_open(fd, path, trusted, st, err);
    if (rc == POLYFS_OK)
        *out_fd = fd;
    else
        close(fd);
    return rc;
}

int pfs_loader_check(const char *path, int trusted, struct polyfs_error *err)
{
    int fd;
    struct stat st;
    int rc = open_checked(path, trusted, &fd, &st, err);
    if (rc == POLYFS_OK)
        close(fd);
    return rc;
}

/* ---- loading --------------------------------------------------------------------------------------------- */

/* The entry symbol of exactly this file: dlsym would also find one in a dependency. */
static int find_entry(void *object, const char *path, const struct stat *checked, polyfs_plugin_entry **out,
                      struct polyfs_error *err)
{
    void *symbol = dlsym(object, ENTRY_SYMBOL);
    Dl_info info;
    struct stat loaded;
    if (!symbol)
        return polyfs_fail(err, POLYFS_PLUGIN, "%s has no entry symbol %s", path, ENTRY_SYMBOL);
    if (!dladdr(symbol, &info) || stat(info.dli_fname, &loaded) < 0)
        return polyfs_fail(err, POLYFS_PLUGIN, "where %s of %s comes from cannot be told", ENTRY_SYMBOL, path);
    if (loaded.st_dev != checked->st_dev || loaded.st_ino != checked->st_ino)
        return strcmp(info.dli_fname, path) == 0
                   ? polyfs_fail(err, POLYFS_PLUGIN, "%s was replaced while it was loaded; try again", path)
                   : polyfs_fail(err, POLYFS_PLUGIN, "%s does not define %s itself; it was found in %s", path,
                                 ENTRY_SYMBOL, info.dli_fname);
    memcpy(out, &symbol, sizeof(*out));
    return POLYFS_OK;
}

/* The dynamic loader has text only. */
static int load_failure(const char *text, struct polyfs_error *err)
{
    int memory = !text || strstr(text, "annot allocate") || strstr(text, "out of memory");
    return polyfs_fail(err, memory ? POLYFS_NOMEM : POLYFS_PLUGIN, "it does not load: %s",
                       text ? text : "no memory");
}

static int load_entry(const char *path, int trusted, polyfs_plugin_entry **out, struct polyfs_error *err)
{
    int fd;
    struct stat checked;
    int rc = open_checked(path, trusted, &fd, &checked, err);
    if (rc != POLYFS_OK)
        return rc;
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object)
        rc = find_entry(object, path, &checked, out, err);
    else
        rc = load_failure(dlerror(), err);
    close(fd);
    return rc;
}

static int call_entry(polyfs_plugin_entry *entry, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    *out = NULL;
    PFS_ERROR(why);
    int rc = entry(pfs_host(), out, &why);
    if (rc == POLYFS_NOMEM)
        return polyfs_fail(err, rc, "there is no memory for it");
    if (rc != POLYFS_OK)
        return polyfs_fail(err, POLYFS_PLUGIN, "it refused to start (%s): %s", polyfs_code_name(rc),
                           why.code ? why.message : "it gave no reason");
    return *out ? POLYFS_OK : polyfs_fail(err, POLYFS_PLUGIN, "its entry gave no description");
}

int pfs_loader_describe(const char *path, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    polyfs_plugin_entry *entry;
    int rc = load_entry(path, 1, &entry, err);
    return rc == POLYFS_OK ? call_entry(entry, out, err) : rc;
}

int pfs_loader_load(struct pfs_plugin *plugin, struct polyfs_error *err)
{
    polyfs_plugin_entry *entry;
    const struct polyfs_plugin *raw;
    int rc = load_entry(plugin->library, plugin->trusted, &entry, err);
    if (rc == POLYFS_OK)
        rc = call_entry(entry, &raw, err);
    if (rc == POLYFS_OK)
        rc = pfs_plugin_accept(plugin, raw, err);
    if (rc == POLYFS_OK)
        rc = pfs_plugin_agrees(plugin, raw, err);
    return rc;
}
