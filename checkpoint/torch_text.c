/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a pickle, as names and JSON need them. */
#include "torch.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_BYTES_MAX 255 /* of an integer that is told in digits: the work grows with the square of its length */
#define LONG_DIGITS 9      /* that fit a word */
#define LONG_BASE 1000000000u
#define TUPLE_DEPTH_MAX 8

static const char *bytes_at(const struct ckpt_torch *torch, struct ckpt_slice slice)
{
    return (const char *)torch->pickle.bytes + slice.at;
}

/* A copy in which bytes that are no UTF-8, as lone surrogates are not, and NUL have become question marks. */
static char *clean_copy(const char *bytes, size_t n)
{
    char *copy = malloc(n + 1);
    const char *wrong;
    if (!copy)
        return NULL;
    memcpy(copy, bytes, n);
    copy[n] = '\0';
    for (size_t at = 0; !g_utf8_validate(copy + at, (gssize)(n - at), &wrong);) {
        at = (size_t)(wrong - copy);
        copy[at] = '?';
    }
    return copy;
}

/* ---- long integers ---------------------------------------------------------------------------------------------- */

/* The amount, in words, lowest first; and how many. */
static uint32_t amount(const uint8_t *bytes, uint32_t n, int is_negative, uint32_t words[LONG_BYTES_MAX / 4 + 1])
{
    uint32_t count = n / 4 + 1, carry = is_negative != 0;
    memset(words, 0, count * sizeof(*words));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t byte = (is_negative ? bytes[i] ^ 0xffu : bytes[i]) + carry;
        words[i / 4] |= (byte & 0xff) << i % 4 * 8;
        carry = byte >> 8;
    }
    words[n / 4] |= carry << n % 4 * 8;
    return count;
}

/* Divides by LONG_BASE, and returns the rest. */
static uint32_t divide(uint32_t *words, uint32_t count)
{
    uint64_t rest = 0;
    for (uint32_t i = count; i-- > 0;) {
        rest = rest << 32 | words[i];
        words[i] = (uint32_t)(rest / LONG_BASE);
        rest %= LONG_BASE;
    }
    return (uint32_t)rest;
}

static void long_write(const struct ckpt_torch *torch, struct ckpt_slice slice, struct ckpt_text *out)
{
    uint32_t words[LONG_BYTES_MAX / 4 + 1];
    char digits[LONG_BYTES_MAX * 3], *end = digits + sizeof(digits), *at = end;
    if (slice.n > LONG_BYTES_MAX) {
        ckpt_text_put(out, "(an integer of more than 255 bytes)");
        return;
    }
    const uint8_t *bytes = (const uint8_t *)bytes_at(torch, slice);
    int is_negative = bytes[slice.n - 1] & 0x80;
    for (uint32_t count = amount(bytes, slice.n, is_negative, words); count;) {
        uint32_t part = divide(words, count);
        for (int i = 0; i < LONG_DIGITS; i++, part /= 10)
            *--at = (char)('0' + part % 10);
        while (count && !words[count - 1])
            count--;
    }
    while (at < end - 1 && *at == '0')
        at++;
    if (is_negative)
        ckpt_text_put(out, "-");
    ckpt_text_add(out, at, (size_t)(end - at));
}

/* ---- what stands for a node ------------------------------------------------------------------------------------- */

static void number_write(const struct ckpt_node *node, struct ckpt_text *out)
{
    struct polyfs_policy_metric metric = {.kind = POLYFS_POLICY_REAL};
    char why[CKPT_WHY];
    if (node->kind == CKPT_NODE_REAL)
        metric.real = node->u.real;
    else
        metric.integer = node->u.integer;
    if (node->kind != CKPT_NODE_REAL)
        metric.kind = node->kind == CKPT_NODE_BOOL ? POLYFS_POLICY_BOOL : POLYFS_POLICY_INTEGER;
    ckpt_number_format(&metric, "", 0, out, why);
}

/* 0: nothing can stand for it. */
static int node_write(const struct ckpt_torch *torch, uint32_t id, struct ckpt_text *out, int depth)
{
    const struct ckpt_node *node = &torch->pickle.nodes[id];
    const char *separator = "(";
    switch (node->kind) {
    case CKPT_NODE_NONE: ckpt_text_put(out, "None"); break;
    case CKPT_NODE_BOOL:
    case CKPT_NODE_INTEGER:
    case CKPT_NODE_REAL: number_write(node, out); break;
    case CKPT_NODE_LONG: long_write(torch, node->u.text, out); break;
    case CKPT_NODE_TEXT:
    case CKPT_NODE_BYTES: ckpt_text_add(out, bytes_at(torch, node->u.text), node->u.text.n); break;
    case CKPT_NODE_GLOBAL:
        ckpt_text_add(out, bytes_at(torch, node->u.global.module), node->u.global.module.n);
        ckpt_text_put(out, ".");
        ckpt_text_add(out, bytes_at(torch, node->u.global.name), node->u.global.name.n);
        break;
    case CKPT_NODE_TUPLE:
        for (uint32_t at = node->first; at; at = torch->pickle.cells[at].next) {
            ckpt_text_put(out, separator);
            if (depth == TUPLE_DEPTH_MAX || !node_write(torch, torch->pickle.cells[at].node, out, depth + 1))
                return 0;
            separator = ", ";
        }
        ckpt_text_put(out, node->first ? ")" : "()");
        break;
    default: return 0;
    }
    return !out->full;
}

char *ckpt_torch_text(struct ckpt_torch *torch, uint32_t node, uint32_t index)
{
    const struct ckpt_node *is = &torch->pickle.nodes[node];
    char number[16];
    if (is->kind == CKPT_NODE_TEXT || is->kind == CKPT_NODE_BYTES)
        return clean_copy(bytes_at(torch, is->u.text), is->u.text.n);
    ckpt_text_init(&torch->text);
    if (node_write(torch, node, &torch->text, 0))
        return clean_copy(torch->text.data, torch->text.n);
    snprintf(number, sizeof(number), "#%u", index);
    return strdup(number);
}
