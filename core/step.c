/* SPDX-License-Identifier: Apache-2.0 */
#include "core/step.h"

int pfs_step_run(struct pfs_verb *v, struct pfs_request *r, struct polyfs_step **where)
{
    struct polyfs_text cursor = {NULL, 0, 0}, next = {NULL, 0, 0};
    int rc;
    do {
        struct polyfs_step step = {.struct_size = sizeof(step), .cursor = cursor.data, .next = &next};
        *where = &step;
        r->attempt = r->learned = 0;
        rc = pfs_verb_run(v, r);
        if (rc != POLYFS_MORE)
            break;
        pfs_text_clear(&cursor);
        cursor = next;
        next = (struct polyfs_text){NULL, 0, 0};
        if (pfs_ctx_sleep(&v->ctx, pfs_now_ns() + step.poll_after_ms * PFS_MS) != POLYFS_OK)
            rc = pfs_ctx_check(&v->ctx, &v->error);
    } while (rc == POLYFS_MORE);
    pfs_text_clear(&cursor);
    pfs_text_clear(&next);
    return rc;
}
