/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of other tools' INI files (ini.h). Rows are kept in the order of the file; the last of a name counts. */
#include "ini.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (INT64_C(4) << 20)

struct row {
    const char *section, *key, *value; /* key NULL: the section itself */
    const char *outer;                 /* of a nested key */
};

struct ps_ini {
    char *text; /* the file; rows point into it */
    uint64_t size;
    struct row *rows;
    uint64_t count, room;
};

static int read_file(const char *path, char **out, uint64_t *out_size, struct polyfs_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return POLYFS_OK;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return polyfs_fail(err, POLYFS_CONFIG, "cannot read %s: %s", path, strerrordesc_np(why));
    }
    if (S_ISCHR(st.st_mode))
        st.st_size = 0; /* /dev/null stands for none */
    int fits = (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) && st.st_size <= FILE_MAX;
    char *text = fits ? ps_host->alloc((uint64_t)st.st_size + 1) : NULL;
    ssize_t n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
    close(fd);
    if (n < 0) {
        ps_host->free(text);
        return polyfs_fail(err, POLYFS_CONFIG, "%s is no file of at most 4 MiB", path);
    }
    text[n] = '\0';
    *out = text;
    *out_size = (uint64_t)n;
    return POLYFS_OK;
}

static int add(struct ps_ini *ini, struct row row, struct polyfs_error *err)
{
    if (ini->count == ini->room) {
        uint64_t room = ini->room ? ini->room * 2 : 32;
        struct row *grown = ps_host->resize(ini->rows, room * sizeof(*grown));
        if (!grown)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a file of settings");
        ini->rows = grown;
        ini->room = room;
    }
    ini->rows[ini->count++] = row;
    return POLYFS_OK;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *at)
{
    char *end = at + strlen(at);
    while (*at == ' ' || *at == '\t')
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        *--end = '\0';
    return at;
}

struct state {
    const char *path, *section, *outer; /* outer: the key with an empty value that was last */
    unsigned line;
};

static int bad(const struct state *s, const char *why, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CONFIG, "%s, line %u: %s", s->path, s->line, why);
}

static int section_line(struct ps_ini *ini, struct state *s, char *line, struct polyfs_error *err)
{
    char *end = strchr(line, ']');
    if (!end)
        return bad(s, "a section without its ']'", err);
    *end = '\0';
    s->section = trim(line + 1);
    s->outer = NULL;
    return add(ini, (struct row){.section = s->section}, err);
}

static int key_line(struct ps_ini *ini, struct state *s, char *line, int nested, struct polyfs_error *err)
{
    char *mark = strpbrk(line, "=:");
    if (!mark && nested)
        return POLYFS_OK; /* a value that goes on: nobody of ours reads one */
    if (!mark)
        return bad(s, "neither a section nor \"key = value\"", err);
    if (!s->section)
        return bad(s, "a key in front of the first section", err);
    *mark = '\0';
    struct row row = {s->section, trim(line), trim(mark + 1), nested ? s->outer : NULL};
    if (!nested)
        s->outer = *row.value ? NULL : row.key;
    return add(ini, row, err);
}

/*
 * A value goes on in the next line: the two are joined by a line end. Both lie in the file's text, one behind the other, so
 * there is room.
 */
static int go_on(const struct ps_ini *ini, const char *line)
{
    char *value = (char *)(uintptr_t)ini->rows[ini->count - 1].value, *end = value + strlen(value);
    *end++ = '\n';
    memmove(end, line, strlen(line) + 1);
    return POLYFS_OK;
}

static int take_line(struct ps_ini *ini, struct state *s, char *line, struct polyfs_error *err)
{
    int indented = *line == ' ' || *line == '\t';
    line = trim(line);
    s->line++;
    if (!*line || *line == '#' || *line == ';')
        return POLYFS_OK;
    if (*line == '[' && !indented)
        return section_line(ini, s, line, err);
    if (indented && !s->outer)
        return ini->count && ini->rows[ini->count - 1].key ? go_on(ini, line) : POLYFS_OK;
    return key_line(ini, s, line, indented, err);
}

int ps_ini_load(const char *path, struct ps_ini **out, struct polyfs_error *err)
{
    struct ps_ini *ini = ps_host->alloc(sizeof(*ini));
    struct state state = {.path = path};
    if (!ini)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a file of settings");
    *ini = (struct ps_ini){0};
    int rc = read_file(path, &ini->text, &ini->size, err);
    char *at = ini->text;
    if (at && strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (rc == POLYFS_OK && at) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        rc = take_line(ini, &state, at, err);
        at = end ? end + 1 : NULL;
    }
    if (rc == POLYFS_OK)
        *out = ini;
    else
        ps_ini_free(ini);
    return rc;
}

void ps_ini_free(struct ps_ini *ini)
{
    if (!ini)
        return;
    if (ini->text)
        explicit_bzero(ini->text, ini->size); /* it may hold keys */
    ps_host->free(ini->text);
    ps_host->free(ini->rows);
    ps_host->free(ini);
}

/* "profile  x" is "profile x", and quotes around the name of a profile are none of it. */
static int same_section(const char *a, const char *b)
{
    while (*a && *b) {
        if (*a == '"' || *a == '\'') {
            a++;
            continue;
        }
        if (*a != *b)
            return 0;
        int blank = *a == ' ';
        a++;
        b++;
        while (blank && (*a == ' ' || *a == '\t'))
            a++;
    }
    while (*a == '"' || *a == '\'')
        a++;
    return !*a && !*b;
}

int ps_ini_has(const struct ps_ini *ini, const char *section)
{
    for (uint64_t i = 0; i < ini->count; i++)
        if (!ini->rows[i].key && same_section(ini->rows[i].section, section))
            return 1;
    return 0;
}

const char *ps_ini_get(const struct ps_ini *ini, const char *section, const char *key)
{
    const char *inner = strchr(key, '.');
    for (uint64_t i = ini->count; i-- > 0;) {
        const struct row *row = &ini->rows[i];
        if (!row->key || !same_section(row->section, section))
            continue;
        if (!row->outer && strcasecmp(row->key, key) == 0) /* a plain key may hold a '.' too */
            return row->value;
        if (inner && row->outer && strncasecmp(row->outer, key, (size_t)(inner - key)) == 0 &&
            !row->outer[inner - key] && strcasecmp(row->key, inner + 1) == 0)
            return row->value;
    }
    return NULL;
}
