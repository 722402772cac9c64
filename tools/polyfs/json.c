/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON object a line. JSON is Unicode and names in stores are bytes: one that is not UTF-8 stands there with its
 * wrong bytes replaced, and once more, exactly, as KEY_base64.
 */
#include <stdlib.h>

#include "cli.h"

void cli_json_text(json_t *object, const char *key, const char *text)
{
    if (g_utf8_validate(text, -1, NULL)) {
        json_object_set_new(object, key, json_string(text));
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *exact = g_base64_encode((const guchar *)text, strlen(text));
    g_autofree char *exact_key = g_strconcat(key, "_base64", NULL);
    json_object_set_new(object, key, json_string(valid));
    json_object_set_new(object, exact_key, json_string(exact));
}

/* Left out when the store did not tell. */
void cli_json_u64(json_t *object, const char *key, uint64_t value)
{
    if (value <= INT64_MAX)
        json_object_set_new(object, key, json_integer((json_int_t)value));
}

void cli_json_time(json_t *object, const char *key, int64_t ns)
{
    char text[40], whole[64];
    if (ns == POLYFS_TIME_UNKNOWN)
        return;
    cli_time_text(ns, text, sizeof(text));
    int64_t rest = ns % 1000000000;
    snprintf(whole, sizeof(whole), "%.19s.%09" PRId64 "Z", text, rest < 0 ? rest + 1000000000 : rest);
    json_object_set_new(object, key, json_string(whole));
}

void cli_json_line(FILE *to, json_t *object)
{
    int tty =
        to == stdout ? cli.out_tty : cli.err_tty; /* which must not meet a control character of Unicode either */
    char *text = json_dumps(object, JSON_COMPACT | (tty ? JSON_ENSURE_ASCII : 0));
    if (text)
        fprintf(to, "%s\n", text);
    free(text);
    json_decref(object);
}
