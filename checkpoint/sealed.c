/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed JSON: {"crc32c":"xxxxxxxx","body":BODY}\n with the CRC32C of BODY's very bytes. It is JSON for everybody's
 * tools, and a cut or flipped byte anywhere in it is noticed without parsing what is damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define HEAD "{\"crc32c\":\""
#define MIDDLE "\",\"body\":"
#define TAIL "}\n"
#define BODY_AT (sizeof(HEAD) - 1 + 8 + sizeof(MIDDLE) - 1)

int ckpt_seal(const char *json, size_t n, char **out, size_t *out_n)
{
    size_t total = BODY_AT + n + sizeof(TAIL) - 1;
    char *text = malloc(total + 1);
    if (!text)
        return POLYFS_NOMEM;
    snprintf(text, BODY_AT + 1, HEAD "%08x" MIDDLE, polyfs_crc32c(0, json, n));
    memcpy(text + BODY_AT, json, n);
    memcpy(text + BODY_AT + n, TAIL, sizeof(TAIL));
    *out = text;
    *out_n = total;
    return POLYFS_OK;
}

int ckpt_unseal(const char *text, size_t n, const char **out_json, size_t *out_n)
{
    char head[BODY_AT + 1];
    if (n < BODY_AT + sizeof(TAIL) - 1 || memcmp(text + n - (sizeof(TAIL) - 1), TAIL, sizeof(TAIL) - 1) != 0)
        return POLYFS_CORRUPT;
    size_t body = n - BODY_AT - (sizeof(TAIL) - 1);
    snprintf(head, sizeof(head), HEAD "%08x" MIDDLE, polyfs_crc32c(0, text + BODY_AT, body));
    if (memcmp(text, head, BODY_AT) != 0)
        return POLYFS_CORRUPT;
    *out_json = text + BODY_AT;
    *out_n = body;
    return POLYFS_OK;
}
