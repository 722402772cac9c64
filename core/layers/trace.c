/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the filesystem, and one line an attempt at level debug. The clock is read only when it is wanted. */
#include "core/layers/layers.h"

#include "core/instance.h"
#include "core/log.h"

static void count(atomic_uint_fast64_t *counter, uint64_t by)
{
    if (by)
        atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

int64_t pfs_trace_before(const struct pfs_request *request)
{
    (void)request;
    return pfs_log_wants(POLYFS_LOG_DEBUG) ? pfs_now_ns() : 0;
}

static uint64_t bytes_written(const struct pfs_request *r)
{
    switch (r->slot) {
    case PFS_PUT: return r->u.put.size;
    case PFS_UPLOAD_PART: return r->u.upload.size;
    case PFS_PLACED_WRITE:
    case PFS_STREAM_WRITE: return r->u.write.size;
    default: return 0;
    }
}

void pfs_trace_after(struct pfs_request *r, const struct polyfs_call *call, int64_t began_ns)
{
    struct pfs_counters *counters = &r->fs->counters;
    count(r->attempt == 1 ? &counters->calls : &counters->retries, 1);
    count(&counters->requests, call->requests);
    count(&counters->wire_sent, call->wire_sent);
    count(&counters->wire_received, call->wire_received);
    count(&counters->bytes_read, call->bytes_done);
    if (r->rc >= 0)
        count(&counters->bytes_written, bytes_written(r));
    else if (r->error.code == r->rc && r->error.retry == POLYFS_RETRY_THROTTLED)
        count(&counters->throttles, 1);
    if (!began_ns)
        return;
    pfs_log(POLYFS_LOG_DEBUG, "%s %s://%s attempt %u: %s in %.3f ms%s%s", pfs_slot_name(r->slot),
            polyfs_fs_protocol(r->fs), r->path ? r->path : "", r->attempt, polyfs_code_name(r->rc),
            (double)(pfs_now_ns() - began_ns) / 1e6, r->rc < 0 ? ": " : "", r->rc < 0 ? r->error.message : "");
}
