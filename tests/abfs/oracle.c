/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures with an account's key as a program, so that Azure's own can be compared with them: a JSON object a line on
 * standard input, one back.
 *   {key (base64), account, method, path (as sent), query: [[name, value]...], headers: [[name, value]...], body_bytes}
 *   -> {"authorization"} or {"error"}
 */
#include <stdio.h>
#include <stdlib.h>

#include "plugins/abfs/abfs.h"
#include "plugins/support/json.h"

#define ROWS_MAX 64

static unsigned headers_of(const json_t *asked, struct ps_header *rows)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(asked, "headers"), i, pair) rows[i] =
        (struct ps_header){json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1))};
    return (unsigned)json_array_size(json_object_get(asked, "headers"));
}

static unsigned query_of(const json_t *asked, struct ps_query *rows)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(asked, "query"), i, pair) rows[i] =
        (struct ps_query){json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1))};
    return (unsigned)json_array_size(json_object_get(asked, "query"));
}

static json_t *sign(const json_t *asked)
{
    struct ps_header headers[ROWS_MAX];
    struct ps_query query[ROWS_MAX];
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct ps_buf out = {0};
    unsigned char key[128];
    int64_t key_bytes = ps_base64_decode(ps_json_text(asked, "key"), key, sizeof(key));
    unsigned header_count = headers_of(asked, headers), query_count = query_of(asked, query);
    int rc = abfs_sharedkey(key, (unsigned)key_bytes, ps_json_text(asked, "account"), ps_json_text(asked, "method"),
                            ps_json_text(asked, "path"), query, query_count, headers, header_count,
                            ps_json_number(asked, "body_bytes"), &out, &err);
    json_t *answer =
        rc == POLYFS_OK ? json_pack("{s:s}", "authorization", out.data) : json_pack("{s:s}", "error", err.message);
    ps_buf_clear(&out);
    return answer;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        json_t *asked = json_loads(line, 0, NULL), *answer = sign(asked);
        char *out = json_dumps(answer, JSON_COMPACT);
        puts(out);
        fflush(stdout);
        free(out);
        json_decref(answer);
        json_decref(asked);
    }
    free(line);
    return 0;
}
