/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers around every call of a slot, as pfs_attempt calls them (core/request.c). Each is a step before or
 * after the call; none knows which slot it is for, but for the retry layer's table of what may be repeated.
 */
#ifndef PFS_LAYERS_H
#define PFS_LAYERS_H

#include "core/request.h"

/* retry: decides after a failed attempt; 1 = try again at request->not_before_ns. The one owner of repeats. */
int pfs_retry_wanted(struct pfs_request *request);

/* names: refuses paths that the plugin's description refuses; the plugin is asked for nothing then. */
int pfs_names_before(struct pfs_request *request);
/* The same of one path that is not a request's own. */
int pfs_name_check(const struct polyfs_fs *fs, const char *path, struct polyfs_error *err);

/* deadline: refuses an attempt that can no longer be answered in time, or was cancelled. */
int pfs_deadline_before(struct pfs_request *request);

/* limit: at most so many requests under way per limit_key, fewer after a throttle. */
int pfs_limit_before(struct pfs_request *request); /* POLYFS_MORE: put off */
void pfs_limit_after(struct pfs_request *request, int rc);
extern const struct pfs_fork_hook pfs_limit_hook;

/* fault: fails chosen calls of chosen slots, for tests (option `fault`). */
int pfs_fault_before(struct pfs_request *request);
int pfs_fault_after(struct pfs_request *request, int rc);

/*
 * nonce: a commit that failed for good, and may yet be there, is looked for by the nonce that it carries. 1: ask again, the
 * request is a stat meanwhile. Called when the retry layer wants no more.
 */
int pfs_nonce_wanted(struct pfs_request *request);

/* sub: paths of a sub filesystem that core makes itself. What `before` exchanged in the request `after` puts back. */
struct pfs_sub_saved {
    const char *path;
    uint64_t path_len;
    char *joined, *start;
    const struct polyfs_source *sources;
    struct polyfs_source *own_sources;
    struct polyfs_remove_item *items, *own_items;
    uint64_t count;
    const struct polyfs_list_request *request;
    struct polyfs_list_request own_request;
};
int pfs_sub_before(struct pfs_request *request, struct pfs_sub_saved *saved);
void pfs_sub_after(struct pfs_request *request, struct pfs_sub_saved *saved);
/* Rows of a page without the folder in front, in memory that *own keeps for the next page. */
int pfs_sub_page(const struct polyfs_fs *fs, struct polyfs_page *page, struct polyfs_entry **own);

/* trace: counters, and one log line an attempt when somebody wants it. */
int64_t pfs_trace_before(const struct pfs_request *request);
void pfs_trace_after(struct pfs_request *request, const struct polyfs_call *call, int64_t began_ns);

#endif
