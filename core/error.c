/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of codes, and the way of an error to the caller. docs/error-model.md shows this table; lint compares.
 */
#include "core/error.h"

#include <errno.h>
#include <strings.h>

#include "core/url.h"

static const struct code_row {
    const char *name;
    int sys_errno;
    int exit_status;
    const char *phrase;
} code_rows[] = {
    {"ok", 0, 0, "done"},
    {"not_found", ENOENT, 3, "there is no such object"},
    {"exists", EEXIST, 6, "it is there already"},
    {"condition", ESTALE, 6, "it is not the version that was named"},
    {"changed", ESTALE, 6, "it was replaced while it was read"},
    {"is_dir", EISDIR, 1, "it is a folder"},
    {"not_dir", ENOTDIR, 1, "it is not a folder"},
    {"not_empty", ENOTEMPTY, 1, "the folder is not empty"},
    {"permission", EACCES, 4, "permission denied"},
    {"auth", EACCES, 4, "the credentials are missing, wrong or expired"},
    {"invalid", EINVAL, 2, "the argument cannot work"},
    {"config", EINVAL, 2, "a setting is wrong"},
    {"unsupported", ENOTSUP, 1, "this store cannot do it"},
    {"range", EINVAL, 1, "the range starts behind the end"},
    {"too_large", EFBIG, 1, "it is over a limit of the store"},
    {"no_space", ENOSPC, 1, "no space is left"},
    {"busy", EBUSY, 5, "the store is busy"},
    {"timeout", ETIMEDOUT, 5, "the time limit passed"},
    {"network", ECONNRESET, 5, "the network failed"},
    {"cancelled", ECANCELED, 130, "it was cancelled"},
    {"corrupt", EBADMSG, 7, "the bytes do not match their checksum"},
    {"nomem", ENOMEM, 1, "no memory is left"},
    {"forked", ECHILD, 1, "the handle belongs to the parent process"},
    {"plugin", ENOPKG, 8, "no plugin can serve it"},
    {"io", EIO, 1, "input or output failed"},
};
#define CODE_ROWS (int)(sizeof(code_rows) / sizeof(code_rows[0]))

static const struct code_row *row_of(int code)
{
    if (code >= 0)
        return &code_rows[0];
    return -code < CODE_ROWS ? &code_rows[-code] : &code_rows[CODE_ROWS - 1];
}

const char *polyfs_code_name(int code)
{
    return code == POLYFS_MORE ? "more" : row_of(code)->name;
}

int polyfs_code_from_name(const char *name)
{
    for (int i = 0; i < CODE_ROWS; i++)
        if (strcasecmp(code_rows[i].name, name) == 0)
            return -i;
    return strcasecmp(name, "more") == 0 ? POLYFS_MORE : POLYFS_INVALID;
}

int polyfs_code_errno(int code)
{
    return row_of(code)->sys_errno;
}

int polyfs_code_exit_status(int code)
{
    return row_of(code)->exit_status;
}

/* The longest prefix of @text that is at most @n bytes and does not end inside a UTF-8 character. */
static size_t whole_characters(const char *text, size_t n)
{
    while (n > 0 && ((unsigned char)text[n] & 0xc0u) == 0x80u)
        n--;
    return n;
}

void pfs_error_text(char *to, size_t room, const char *from)
{
    size_t length = strlen(from);
    if (length < room) {
        memcpy(to, from, length + 1);
        return;
    }
    static const char gap[] = "…";
    size_t half = (room - sizeof(gap)) / 2;
    size_t head = whole_characters(from, half);
    const char *tail = from + length - half;
    while (((unsigned char)*tail & 0xc0u) == 0x80u)
        tail++;
    memcpy(to, from, head);
    memcpy(to + head, gap, sizeof(gap) - 1);
    memcpy(to + head + sizeof(gap) - 1, tail, strlen(tail) + 1);
}

/* Room that the caller's struct has, or 0 when there is none. */
static size_t room_of(const struct polyfs_error *err)
{
    if (!err)
        return 0;
    return err->struct_size >= sizeof(*err) || err->struct_size == 0 ? sizeof(*err) : err->struct_size;
}

static void hand_over(struct polyfs_error *err, struct polyfs_error *full)
{
    size_t room = room_of(err);
    if (!room)
        return;
    size_t end = sizeof(full->message) - 1;
    if (room < sizeof(*full))
        end = room > offsetof(struct polyfs_error, message) ? room - offsetof(struct polyfs_error, message) - 1 : 0;
    full->message[whole_characters(full->message, strnlen(full->message, end))] = '\0';
    full->struct_size = (uint32_t)room;
    memcpy(err, full, room);
}

int pfs_error_out(struct polyfs_error *err, const struct polyfs_error *inner, int rc, const char *verb,
                  const char *url)
{
    if (rc >= 0 || !err)
        return rc;
    struct polyfs_error full;
    if (inner->code == rc) {
        full = *inner;
    } else {
        memset(&full, 0, sizeof(full));
        full.code = rc;
    }
    full.struct_size = (uint32_t)sizeof(full);
    pfs_error_text(full.operation, sizeof(full.operation), verb);
    if (url)
        pfs_url_redact(url, full.uri, sizeof(full.uri));
    const char *why = inner->code == rc && inner->message[0] ? inner->message : row_of(rc)->phrase;
    snprintf(full.message, sizeof(full.message), "cannot %s%s%s: %s", verb, url ? " " : "", url ? full.uri : "",
             why);
    hand_over(err, &full);
    return rc;
}

void pfs_error_copy(struct polyfs_error *to, const struct polyfs_error *from)
{
    struct polyfs_error full = *from;
    hand_over(to, &full);
}

int pfs_error_arg(struct polyfs_error *err, const char *verb, const char *format, ...)
{
    struct polyfs_error full;
    memset(&full, 0, sizeof(full));
    full.struct_size = (uint32_t)sizeof(full);
    full.code = POLYFS_INVALID;
    va_list args;
    va_start(args, format);
    vsnprintf(full.message, sizeof(full.message), format, args);
    va_end(args);
    return pfs_error_out(err, &full, POLYFS_INVALID, verb, NULL);
}
