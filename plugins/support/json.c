/* SPDX-License-Identifier: Apache-2.0 */
/* jansson's own bound of 2,048 levels is deeper than a thread of 256 KiB should go, so levels are counted before. */
#include "json.h"
#include "http.h"

#define SIZE_LIMIT (UINT64_C(16) << 20)
#define DEPTH_LIMIT 64

/* The deepest level of brackets outside of texts; of what is no JSON some number. */
static unsigned depth_of(const char *text, uint64_t size)
{
    unsigned depth = 0, deepest = 0;
    int in_text = 0;
    for (uint64_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_text && (c == '}' || c == ']') && depth)
            depth--;
    }
    return deepest;
}

/* The parser quotes what it stumbled over, which may be a piece of a key. */
static void cut_quote(char *text)
{
    char *quote = strstr(text, " near ");
    if (quote)
        *quote = '\0';
}

int ps_json_read(const char *text, uint64_t size, json_t **out, struct polyfs_error *err)
{
    json_error_t why;
    if (size > SIZE_LIMIT)
        return polyfs_fail(err, POLYFS_CORRUPT, "the document is longer than any should be");
    if (depth_of(text, size) > DEPTH_LIMIT)
        return polyfs_fail(err, POLYFS_CORRUPT, "the document is nested deeper than any should be");
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!root && json_error_code(&why) == json_error_out_of_memory)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a document");
    if (!root) {
        cut_quote(why.text);
        return polyfs_fail(err, POLYFS_CORRUPT, "it is no JSON: line %d: %.120s", why.line, why.text);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return polyfs_fail(err, POLYFS_CORRUPT, "it is JSON, but no object");
    }
    *out = root;
    return POLYFS_OK;
}

const char *ps_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

uint64_t ps_json_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        return ps_number(json_string_value(value));
    return json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value)
                                                                    : UINT64_MAX;
}

void ps_json_quote(struct ps_buf *buf, const char *text, uint64_t size)
{
    char code[8];
    uint64_t plain = 0; /* where the bytes begin that go as they are */
    ps_buf_char(buf, '"');
    for (uint64_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        ps_buf_add(buf, text + plain, i - plain);
        snprintf(code, sizeof(code), c < 0x20 ? "\\u%04x" : "\\%c", c);
        ps_buf_text(buf, code);
        plain = i + 1;
    }
    ps_buf_add(buf, text + plain, size - plain);
    ps_buf_char(buf, '"');
}
