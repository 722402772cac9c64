/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals (refusal.h). */
#include "refusal.h"

static const struct ps_refusal of_http[] = {
    {304, NULL, POLYFS_CONDITION, POLYFS_RETRY_NEVER, ""},
    {400, NULL, POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {403, NULL, POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {404, NULL, POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {405, NULL, POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {408, NULL, POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, ""},
    {409, NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {411, NULL, POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {412, NULL, POLYFS_CONDITION, POLYFS_RETRY_NEVER, ""},
    {413, NULL, POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {416, NULL, POLYFS_RANGE, POLYFS_RETRY_NEVER, ""},
    {429, NULL, POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {500, NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {501, NULL, POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {502, NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {503, NULL, POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {504, NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
};

static const struct ps_refusal *by_status(const struct ps_refusal *rows, size_t count, int status)
{
    for (size_t i = 0; i < count; i++)
        if (!rows[i].native && rows[i].status == status)
            return &rows[i];
    return NULL;
}

const struct ps_refusal *ps_refusal_find(const struct ps_refusal *rows, size_t count, int status,
                                         const char *native)
{
    static const struct ps_refusal later = {0, NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""};
    static const struct ps_refusal other = {0, NULL, POLYFS_IO, POLYFS_RETRY_NEVER, ""};
    for (size_t i = 0; i < count; i++)
        if (rows[i].native && strcmp(rows[i].native, native) == 0)
            return &rows[i];
    const struct ps_refusal *found = by_status(rows, count, status);
    if (!found)
        found = by_status(of_http, sizeof(of_http) / sizeof(of_http[0]), status);
    return found ? found : status >= 500 ? &later : &other;
}

const char *ps_refusal_words(int status)
{
    return status == 404   ? "there is no such object or bucket"
           : status == 403 ? "permission denied"
           : status == 412 ? "it is not what it should be for that"
           : status >= 500 ? "that it cannot serve this now"
                           : "that it refuses this";
}
