/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted failures, for tests: option `fault` = SLOT:K[+]:CODE[:RETRY], separated by commas. The K-th call of the
 * slot on this filesystem fails with CODE, with '+' each later one too. RETRY is never (the default), transient,
 * throttled, or lost: the slot does its work, and its answer is lost on the way back. SLOT may be "any".
 */
#include "core/layers/layers.h"

#include <glib.h>
#include <stdlib.h>

#include "core/instance.h"

int pfs_fault_parse(const char *text, struct pfs_faults *out, struct polyfs_error *err)
{
    memset(out, 0, sizeof(*out));
    for (const char *at = text; at && *at;) {
        char slot[32], code[32], retry[32] = "never", plus[2] = "";
        unsigned k = 0;
        size_t n = strcspn(at, ",");
        g_autofree char *one = g_strndup(at, n);
        struct pfs_fault *fault = &out->rows[out->count];
        if (out->count == PFS_FAULTS_MAX ||
            (sscanf(one, "%31[a-z_]:%u%1[+]:%31[a-z_]:%31[a-z]", slot, &k, plus, code, retry) < 4 &&
             sscanf(one, "%31[a-z_]:%u:%31[a-z_]:%31[a-z]", slot, &k, code, retry) < 3) ||
            k == 0)
            return polyfs_fail(err, POLYFS_CONFIG, "option fault is SLOT:K[+]:CODE[:RETRY], not \"%s\"", one);
        fault->any = strcmp(slot, "any") == 0;
        if (!fault->any && pfs_slot_of(slot, strlen(slot), &fault->slot) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_CONFIG, "option fault names the unknown slot \"%s\"", slot);
        fault->at = k;
        fault->for_good = plus[0] == '+';
        fault->code = polyfs_code_from_name(code);
        fault->lost = strcmp(retry, "lost") == 0;
        fault->retry = fault->lost || strcmp(retry, "transient") == 0 ? POLYFS_RETRY_TRANSIENT
                       : strcmp(retry, "throttled") == 0              ? POLYFS_RETRY_THROTTLED
                                                                      : POLYFS_RETRY_NEVER;
        out->count++;
        at += n + (at[n] == ',');
    }
    return POLYFS_OK;
}

int pfs_fault_before(struct pfs_request *r)
{
    struct polyfs_fs *fs = r->fs;
    while (fs->parent) /* a sub filesystem fails as what it is part of */
        fs = fs->parent;
    struct pfs_faults *faults = &fs->faults;
    for (unsigned i = 0; i < faults->count; i++) {
        struct pfs_fault *fault = &faults->rows[i];
        if (!fault->any && fault->slot != r->slot)
            continue;
        unsigned nth = atomic_fetch_add(&fault->seen, 1) + 1;
        if (nth < fault->at || (nth > fault->at && !fault->for_good))
            continue;
        if (fault->lost) {
            r->lose = fault->code;
            continue;
        }
        polyfs_fail(&r->error, fault->code, "a planted fault (call %u of %s)", nth, pfs_slot_name(r->slot));
        r->error.retry = fault->retry;
        return fault->code;
    }
    return POLYFS_OK;
}

int pfs_fault_after(struct pfs_request *r, int rc)
{
    int code = r->lose;
    r->lose = POLYFS_OK;
    if (code == POLYFS_OK || rc < 0)
        return rc;
    if (r->slot == PFS_STREAM_COMMIT)
        r->handle = NULL; /* it did succeed, so the plugin has let it go */
    polyfs_fail(&r->error, code, "a planted fault (the answer of %s was lost)", pfs_slot_name(r->slot));
    r->error.retry = POLYFS_RETRY_TRANSIENT;
    r->error.commit_state = POLYFS_COMMIT_UNKNOWN;
    return code;
}
