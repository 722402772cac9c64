/* SPDX-License-Identifier: Apache-2.0 */
/* Text, ids, time and names for the checkpoint layer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "run.h"

char *ckpt_format(const char *format, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&out, format, args);
    va_end(args);
    return n < 0 ? NULL : out;
}

int ckpt_fail(struct polyfs_error *err, int code, const char *what, const char *where, const char *format, ...)
{
    struct polyfs_error full = POLYFS_ERROR_INIT;
    char why[768];
    va_list args;
    if (!err)
        return code;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    full.code = code;
    snprintf(full.operation, sizeof(full.operation), "%s", what);
    snprintf(full.uri, sizeof(full.uri), "%s", where);
    snprintf(full.message, sizeof(full.message), "cannot %s %s: %s", what, where, why);
    size_t room = err->struct_size && err->struct_size < sizeof(full) ? err->struct_size : sizeof(full);
    full.struct_size = (uint32_t)room;
    memcpy(err, &full, room);
    return code;
}

int ckpt_text_set(char **text, const char *to)
{
    char *own = to ? strdup(to) : NULL;
    if (to && !own)
        return POLYFS_NOMEM;
    free(*text);
    *text = own;
    return POLYFS_OK;
}

void ckpt_text_init(struct ckpt_text *text)
{
    text->n = 0;
    text->full = 0;
    text->data[0] = '\0';
}

void ckpt_text_add(struct ckpt_text *text, const char *bytes, size_t n)
{
    if (text->full || n >= sizeof(text->data) - text->n) {
        text->full = 1;
        return;
    }
    memcpy(text->data + text->n, bytes, n);
    text->n += n;
    text->data[text->n] = '\0';
}

void ckpt_text_put(struct ckpt_text *text, const char *string)
{
    ckpt_text_add(text, string, strlen(string));
}

void ckpt_text_repeat(struct ckpt_text *text, const char *unit, size_t count)
{
    while (count-- > 0 && !text->full)
        ckpt_text_put(text, unit);
}

void ckpt_id(char out[CKPT_ATTEMPT])
{
    uint8_t bytes[16];
    size_t have = 0;
    while (have < sizeof(bytes)) {
        ssize_t n = getrandom(bytes + have, sizeof(bytes) - have, 0);
        if (n > 0)
            have += (size_t)n;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int64_t ckpt_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ckpt_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int ckpt_name_valid(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > 255 || strcmp(name, ".ckpt") == 0 || strncmp(name, ".ckpt/", 6) == 0)
        return 0;
    for (const char *at = name;; at++) {
        size_t n = strcspn(at, "/");
        if (!n || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return 0;
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f)
                return 0;
        at += n;
        if (!*at)
            return 1;
    }
}

static int is_named(const struct ckpt_entry *entry, const char *name)
{
    return name && strcmp(entry->name, name) == 0;
}

void ckpt_info_fill(struct polyfs_ckpt_info *info, const struct ckpt_entry *entry, const struct ckpt_record *record)
{
    *info = (struct polyfs_ckpt_info)POLYFS_CKPT_INFO_INIT;
    info->flags = (*entry->attempt ? 0 : POLYFS_CKPT_LEGACY) | (entry->has_score ? POLYFS_CKPT_HAS_SCORE : 0) |
                  (is_named(entry, record->last) ? POLYFS_CKPT_IS_LAST : 0) |
                  (is_named(entry, record->best) ? POLYFS_CKPT_IS_BEST : 0);
    info->seq = record->seq;
    info->step = entry->step;
    info->epoch = entry->epoch;
    info->time_ns = entry->time_ns;
    info->bytes = entry->bytes;
    info->files = entry->files;
    info->score = entry->score;
    snprintf(info->name, sizeof(info->name), "%s", entry->name);
    snprintf(info->attempt, sizeof(info->attempt), "%s", entry->attempt);
}

void ckpt_info_out(struct polyfs_ckpt_info *to, const struct polyfs_ckpt_info *from)
{
    if (!to)
        return;
    size_t room = to->struct_size && to->struct_size < sizeof(*from) ? to->struct_size : sizeof(*from);
    memcpy(to, from, room);
    to->struct_size = (uint32_t)room;
}
