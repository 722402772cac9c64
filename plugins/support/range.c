/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges, asked for and answered (range.h). */
#include "range.h"

#include "answer.h"

void ps_range_text(const struct polyfs_get_request *request, char out[64])
{
    const uint64_t offset = request->offset, n = request->length - 1;
    const uint64_t last = n > UINT64_MAX - offset ? UINT64_MAX : offset + n;
    if (request->flags & POLYFS_GET_SUFFIX)
        snprintf(out, 64, "bytes=-%llu", (unsigned long long)request->length);
    else if (last >= INT64_MAX)
        snprintf(out, 64, "bytes=%llu-", (unsigned long long)offset);
    else
        snprintf(out, 64, "bytes=%llu-%llu", (unsigned long long)offset, (unsigned long long)last);
}

/* What the answer says that it is: @length bytes of @total from @first on. */
static int told(const struct ps_http_connection *answer, uint64_t *first, uint64_t *total, uint64_t *length,
                struct polyfs_error *err)
{
    const char *text = ps_http_header(answer, "content-range");
    uint64_t last = 0;
    if (ps_http_status(answer) != 206)
        return *length == UINT64_MAX ? ps_wrong(err, "it does not say how large the object is") : POLYFS_OK;
    if (!text || ps_content_range(text, first, &last, total) != 0 || *first == UINT64_MAX)
        return ps_wrong(err, "it does not say which range it is");
    if (*length != UINT64_MAX && *length != last - *first + 1)
        return ps_wrong(err, "its length is not that of its range");
    *length = last - *first + 1;
    return POLYFS_OK;
}

int ps_range_accept(const struct polyfs_get_request *request, const struct ps_http_connection *answer, int cut,
                    uint64_t *out_total, uint64_t *out_length, struct polyfs_error *err)
{
    const int suffix = (request->flags & POLYFS_GET_SUFFIX) != 0;
    uint64_t first = 0, total = ps_http_length(answer), length = total, wanted = request->length;
    if (ps_http_status(answer) == 206 && suffix && length == 0) { /* how some spell the end of an empty object */
        *out_total = 0;
        return POLYFS_OK;
    }
    int rc = told(answer, &first, &total, &length, err);
    if (rc != POLYFS_OK)
        return rc;
    if (cut && ps_http_status(answer) == 200 && length > wanted)
        length = wanted;
    /* A range that begins behind the end is another one: @first lies in front of it. */
    uint64_t left = suffix ? (wanted < total ? wanted : total) : total - request->offset;
    if (first != (suffix ? total - left : request->offset) || length != (left < wanted ? left : wanted))
        return ps_wrong(err, "it is another range");
    *out_total = total;
    *out_length = length;
    return POLYFS_OK;
}
