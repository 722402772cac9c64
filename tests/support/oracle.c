/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/support as a program, so that what others have written can be compared with it: a JSON object a line on
 * standard input, one back.
 *   {"what": "sign", key, secret, token?, region, service, time, method, path, query: [[name, value]...],
 *    headers: [[name, value]...], payload?}     -> {"authorization", "path", "query"}
 *   {"what": "presign", ..., host, life}        -> {"url"}
 *   {"what": "ini", file, asks: [[section, key]...]} -> {"values": [text or null...]} or {"error"}
 * Texts are the bytes as they are; a path is given in hexadecimal digits, since it may be no UTF-8.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/support/ini.h"
#include "plugins/support/sigv4.h"
#include "plugins/support/url.h"

#define ROWS_MAX 64

static const char *text(const json_t *asked, const char *name)
{
    return json_string_value(json_object_get(asked, name));
}

static size_t bytes_of(const char *hex, char *out, size_t room)
{
    size_t n = 0;
    for (unsigned byte; n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (char)byte;
    return n;
}

static struct ps_signer signer_of(const json_t *asked)
{
    return (struct ps_signer){.key_id = text(asked, "key"),
                              .secret = text(asked, "secret"),
                              .token = text(asked, "token"),
                              .region = text(asked, "region"),
                              .service = text(asked, "service"),
                              .payload_sha256 = text(asked, "payload"),
                              .time_s = json_integer_value(json_object_get(asked, "time"))};
}

static void path_of(const json_t *asked, struct ps_buf *out)
{
    char path[8192];
    size_t n = bytes_of(text(asked, "path"), path, sizeof(path));
    ps_url_encode(out, path, n, 1);
}

static unsigned queries(const json_t *asked, struct ps_query *rows)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(asked, "query"), i, pair)
    {
        rows[i].name = json_string_value(json_array_get(pair, 0));
        rows[i].value = json_string_value(json_array_get(pair, 1));
    }
    return (unsigned)json_array_size(json_object_get(asked, "query"));
}

static json_t *sign(const json_t *asked, struct polyfs_error *err)
{
    struct ps_signer signer = signer_of(asked);
    struct ps_query rows[ROWS_MAX];
    struct ps_header headers[ROWS_MAX];
    struct ps_buf path = {0}, query = {0}, out = {0};
    size_t i;
    json_t *pair, *answer = NULL;
    path_of(asked, &path);
    ps_buf_add(&query, "", 0);
    ps_url_query(&query, rows, queries(asked, rows));
    json_array_foreach(json_object_get(asked, "headers"), i, pair) headers[i] =
        (struct ps_header){json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1))};
    if (ps_sigv4_header(&signer, text(asked, "method"), path.data, query.data, headers, (unsigned)i, &out, err) ==
        POLYFS_OK)
        answer = json_pack("{s:s, s:s, s:s}", "authorization", out.data, "path", path.data, "query", query.data);
    ps_buf_clear(&path);
    ps_buf_clear(&query);
    ps_buf_clear(&out);
    return answer;
}

static json_t *presign(const json_t *asked, struct polyfs_error *err)
{
    struct ps_signer signer = signer_of(asked);
    struct ps_query rows[ROWS_MAX];
    struct ps_buf path = {0}, out = {0}, origin = {0};
    json_t *answer = NULL;
    path_of(asked, &path);
    ps_buf_text(&origin, "https://");
    ps_buf_text(&origin, text(asked, "host"));
    if (ps_sigv4_presign(&signer, text(asked, "method"), origin.data, text(asked, "host"), path.data, rows,
                         queries(asked, rows), (uint32_t)json_integer_value(json_object_get(asked, "life")), &out,
                         err) == POLYFS_OK)
        answer = json_pack("{s:s}", "url", out.data);
    ps_buf_clear(&path);
    ps_buf_clear(&out);
    ps_buf_clear(&origin);
    return answer;
}

static json_t *ini(const json_t *asked, struct polyfs_error *err)
{
    struct ps_ini *file = NULL;
    size_t i;
    json_t *pair;
    if (ps_ini_load(text(asked, "file"), &file, err) != POLYFS_OK)
        return NULL;
    json_t *values = json_array();
    json_array_foreach(json_object_get(asked, "asks"), i, pair)
    {
        const char *value = ps_ini_get(file, json_string_value(json_array_get(pair, 0)),
                                       json_string_value(json_array_get(pair, 1)));
        json_array_append_new(values, value ? json_string(value) : json_null());
    }
    ps_ini_free(file);
    return json_pack("{s:o}", "values", values);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        struct polyfs_error err = POLYFS_ERROR_INIT;
        json_t *asked = json_loads(line, 0, NULL);
        const char *what = asked ? text(asked, "what") : "";
        json_t *answer = strcmp(what, "sign") == 0      ? sign(asked, &err)
                         : strcmp(what, "presign") == 0 ? presign(asked, &err)
                         : strcmp(what, "ini") == 0     ? ini(asked, &err)
                                                        : NULL;
        if (!answer)
            answer = json_pack("{s:s}", "error", err.message);
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
