/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host table. Each member is a thin step to the part of core that does the work; nothing is decided here.
 */
#include "core/host.h"

#include <stdlib.h>
#include <time.h>

#include "core/budget.h"
#include "core/crc.h"
#include "core/ctx.h"
#include "core/fork.h"
#include "core/log.h"
#include "core/options.h"
#include "core/random.h"
#include "core/text.h"
#include "core/uploads.h"

static void *host_alloc(uint64_t bytes)
{
    return bytes < PTRDIFF_MAX ? malloc(bytes ? bytes : 1) : NULL;
}

static void *host_resize(void *memory, uint64_t bytes)
{
    return bytes < PTRDIFF_MAX ? realloc(memory, bytes ? bytes : 1) : NULL;
}

static void host_log(const struct polyfs_call *call, uint32_t level, const char *message)
{
    const struct pfs_ctx *ctx = call ? call->core : NULL;
    pfs_log(level, "%s%s%s", ctx ? ctx->verb : "", ctx ? ": " : "", message);
}

static int64_t host_clock_ns(uint32_t which)
{
    struct timespec now;
    clock_gettime(which ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int host_stopped(const struct polyfs_call *call)
{
    return pfs_ctx_stopped(call->core);
}

static int host_stop_fd(const struct polyfs_call *call)
{
    return pfs_ctx_fd((struct pfs_ctx *)(uintptr_t)call->core);
}

static void host_random(void *out, uint64_t bytes)
{
    pfs_random(out, bytes);
}

static const void *host_query(const char *id)
{
    (void)id; /* this core has no later tables */
    return NULL;
}

static const struct polyfs_host host = {
    .struct_size = sizeof(struct polyfs_host),
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .alloc = host_alloc,
    .resize = host_resize,
    .free = free,
    .log = host_log,
    .clock_ns = host_clock_ns,
    .stopped = host_stopped,
    .stop_fd = host_stop_fd,
    .option = pfs_options_text,
    .option_number = pfs_options_number,
    .env = pfs_options_env,
    .authority = pfs_options_authority,
    .text_set = pfs_text_set,
    .pair_add = pfs_pairs_add,
    .upload_add = pfs_uploads_add,
    .budget_count = pfs_budget_count,
    .section_enter = pfs_section_enter,
    .section_leave = pfs_section_leave,
    .fork_generation = pfs_fork_generation,
    .random = host_random,
    .crc = pfs_crc,
    .crc_join = pfs_crc_join,
    .query = host_query,
};

const struct polyfs_host *pfs_host(void)
{
    return &host;
}
