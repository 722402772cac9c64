/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable strings and pairs over malloc. GLib's containers are not used where threads run: GSlice's locks are
 * not taken by fork handlers (docs/adr/0003-glib-inside.md).
 */
#include "core/text.h"

#include <stdlib.h>

static int text_room(struct polyfs_text *text, size_t length)
{
    if (length < text->room)
        return POLYFS_OK;
    size_t room = text->room ? text->room : 32;
    while (room <= length) {
        if (room > SIZE_MAX / 2)
            return POLYFS_NOMEM;
        room *= 2;
    }
    char *data = realloc(text->data, room);
    if (!data)
        return POLYFS_NOMEM;
    text->data = data;
    text->room = room;
    return POLYFS_OK;
}

int pfs_text_add(struct polyfs_text *text, const char *data, uint64_t length)
{
    if (length >= SIZE_MAX - text->length || text_room(text, text->length + length) != POLYFS_OK)
        return POLYFS_NOMEM;
    if (length)
        memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
    return POLYFS_OK;
}

int pfs_text_set(struct polyfs_text *text, const char *data, uint64_t length)
{
    text->length = 0;
    return pfs_text_add(text, data, length);
}

char *pfs_text_steal(struct polyfs_text *text)
{
    char *data = text->data ? text->data : calloc(1, 1);
    *text = (struct polyfs_text){NULL, 0, 0};
    return data;
}

void pfs_text_clear(struct polyfs_text *text)
{
    free(text->data);
    *text = (struct polyfs_text){NULL, 0, 0};
}

int pfs_grow(void **rows, size_t *room, size_t count, size_t row_bytes)
{
    if (count < *room)
        return POLYFS_OK;
    size_t more = *room ? *room * 2 : 8;
    if (more > SIZE_MAX / row_bytes)
        return POLYFS_NOMEM;
    void *grown = realloc(*rows, more * row_bytes);
    if (!grown)
        return POLYFS_NOMEM;
    *rows = grown;
    *room = more;
    return POLYFS_OK;
}

char *pfs_copy(const char *data, size_t length)
{
    char *copy = length < SIZE_MAX ? malloc(length + 1) : NULL;
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

char *pfs_format(const char *format, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&out, format, args);
    va_end(args);
    return n < 0 ? NULL : out;
}

int pfs_pairs_add(struct polyfs_pairs *pairs, const char *key, const char *value)
{
    if (pfs_grow((void **)&pairs->rows, &pairs->room, pairs->count, sizeof(*pairs->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    char *own_key = strdup(key);
    char *own_value = strdup(value ? value : "");
    if (!own_key || !own_value) {
        free(own_key);
        free(own_value);
        return POLYFS_NOMEM;
    }
    pairs->rows[pairs->count++] = (struct polyfs_kv){own_key, own_value};
    return POLYFS_OK;
}

static void pair_free(const struct polyfs_kv *row)
{
    free((char *)(uintptr_t)row->key);
    free((char *)(uintptr_t)row->value);
}

void pfs_pairs_drop(struct polyfs_pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->rows[i].key, key) != 0)
            continue;
        pair_free(&pairs->rows[i]);
        memmove(&pairs->rows[i], &pairs->rows[i + 1], (pairs->count - i - 1) * sizeof(*pairs->rows));
        pairs->count--;
        return;
    }
}

void pfs_pairs_cut(struct polyfs_pairs *pairs, size_t count)
{
    while (pairs->count > count)
        pair_free(&pairs->rows[--pairs->count]);
}

void pfs_pairs_clear(struct polyfs_pairs *pairs)
{
    pfs_pairs_cut(pairs, 0);
    free(pairs->rows);
    *pairs = (struct polyfs_pairs){NULL, 0, 0};
}

int pfs_words_have(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at && *at;) {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, word, n) == 0)
            return 1;
        at += n + strspn(at + n, " ");
    }
    return 0;
}

size_t polyfs_pairs_count(const struct polyfs_pairs *pairs)
{
    return pairs->count;
}

const struct polyfs_kv *polyfs_pairs_at(const struct polyfs_pairs *pairs, size_t index)
{
    return index < pairs->count ? &pairs->rows[index] : NULL;
}

void polyfs_pairs_free(struct polyfs_pairs *pairs)
{
    if (!pairs)
        return;
    pfs_pairs_clear(pairs);
    free(pairs);
}

char *pfs_shell_word(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-,:@%=";
    struct polyfs_text word = {NULL, 0, 0};
    size_t n = strlen(path);
    if (n && strspn(path, plain) == n)
        return pfs_copy(path, n);
    int rc = pfs_text_add(&word, "'", 1);
    for (size_t i = 0; i < n && rc == POLYFS_OK; i++)
        rc = path[i] == '\'' ? pfs_text_add(&word, "'\\''", 4) : pfs_text_add(&word, &path[i], 1);
    if (rc == POLYFS_OK)
        rc = pfs_text_add(&word, "'", 1);
    if (rc == POLYFS_OK)
        return pfs_text_steal(&word);
    pfs_text_clear(&word);
    return NULL;
}
