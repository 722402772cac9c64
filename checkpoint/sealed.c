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

static int seal(const char *json, size_t n, char **out, size_t *out_n)
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

static int unseal(const char *text, size_t n, const char **out_json, size_t *out_n)
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

int ckpt_sealed_write(json_t *body, char **out, size_t *out_n)
{
    char *json = NULL;
    size_t n = 0;
    int rc = body ? ckpt_json_write(body, &json, &n) : POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = seal(json, n, out, out_n);
    free(json);
    json_decref(body);
    return rc;
}

int ckpt_sealed_read(const char *text, size_t n, json_t **out_body, char *why, size_t why_room)
{
    const char *json;
    size_t json_n;
    if (unseal(text, n, &json, &json_n) == POLYFS_OK)
        return ckpt_json_read(json, json_n, out_body, why, why_room);
    snprintf(why, why_room, "its checksum does not fit");
    return POLYFS_CORRUPT;
}
