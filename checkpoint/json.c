/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON such that "no memory" is never taken for "damaged": who takes a record for damaged falls back to an
 * older one; and writing it such that nothing is written but the whole. jansson 2.14 tells some failures of allocation as syntax errors, and drops bytes of a string when its
 * buffer cannot grow; so what cannot be parsed, or not twice to the same, is asked again.
 */
#include "run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A failure that says nothing, or stops at the beginning of a string, was one of memory. */
static int is_memory(const json_error_t *error)
{
    static const char string[] = "invalid token near '\"";
    return json_error_code(error) == json_error_out_of_memory || !*error->text ||
           strncmp(error->text, string, sizeof(string) - 1) == 0;
}

int ckpt_json_read(const char *text, size_t n, json_t **out, char *why, size_t why_room)
{
    json_error_t first, second;
    json_t *a = json_loadb(text, n, JSON_REJECT_DUPLICATES, &first);
    json_t *b = json_loadb(text, n, JSON_REJECT_DUPLICATES, &second);
    int rc = POLYFS_OK;
    if (!a && !b && !is_memory(&first) && !is_memory(&second))
        rc = POLYFS_CORRUPT;
    else if (!a || !b || !json_equal(a, b))
        rc = POLYFS_NOMEM;
    if (rc != POLYFS_OK)
        snprintf(why, why_room, "%s", rc == POLYFS_NOMEM ? "no memory to read it" : first.text);
    json_decref(b);
    if (rc == POLYFS_OK)
        *out = a;
    else
        json_decref(a);
    return rc;
}

/* Compact, and so that every double comes back. Into memory of our own: json_dumps() goes on behind bytes that its buffer had no room for, and calls it well. */
int ckpt_json_write(const json_t *value, char **out, size_t *out_n)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    size_t n = json_dumpb(value, NULL, 0, flags);
    char *text = n ? malloc(n + 1) : NULL;
    if (!text || json_dumpb(value, text, n, flags) != n) {
        free(text);
        return POLYFS_NOMEM;
    }
    text[n] = '\0';
    *out = text;
    *out_n = n;
    return POLYFS_OK;
}

int ckpt_json_unpack(json_t *value, const char *format, ...)
{
    json_error_t error;
    va_list args;
    va_start(args, format);
    int rc = json_vunpack_ex(value, &error, 0, format, args);
    va_end(args);
    if (rc == 0)
        return POLYFS_OK;
    return json_error_code(&error) == json_error_out_of_memory ? POLYFS_NOMEM : POLYFS_CORRUPT;
}

json_t *ckpt_json_real(double value)
{
    if (isnan(value))
        return json_string("nan");
    if (isinf(value))
        return json_string(value > 0 ? "inf" : "-inf");
    return json_real(value);
}

int ckpt_json_real_read(const json_t *value, double *out)
{
    const char *text = json_string_value(value);
    if (json_is_number(value))
        *out = json_number_value(value);
    else if (text && strcmp(text, "nan") == 0)
        *out = (double)NAN;
    else if (text && (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0))
        *out = text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    else
        return POLYFS_CORRUPT;
    return POLYFS_OK;
}

int ckpt_json_shape(json_t *array, uint64_t *shape, uint32_t *out_rank)
{
    size_t i;
    json_t *number;
    if (!json_is_array(array) || json_array_size(array) > CKPT_RANK_MAX)
        return POLYFS_CORRUPT;
    json_array_foreach(array, i, number)
    {
        if (!json_is_integer(number) || json_integer_value(number) < 0)
            return POLYFS_CORRUPT;
        shape[i] = (uint64_t)json_integer_value(number);
    }
    *out_rank = (uint32_t)json_array_size(array);
    return POLYFS_OK;
}

json_t *ckpt_json_from_shape(const uint64_t *shape, uint32_t rank)
{
    json_t *array = json_array();
    int failed = !array;
    for (uint32_t i = 0; i < rank && !failed; i++)
        failed = json_array_append_new(array, json_integer((json_int_t)shape[i]));
    if (!failed)
        return array;
    json_decref(array);
    return NULL;
}
