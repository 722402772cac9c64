/* SPDX-License-Identifier: Apache-2.0 */
/* Slots that a store finishes in rounds: core loops, sleeps and hands the cursor back. */
#ifndef PFS_STEP_H
#define PFS_STEP_H

#include "core/verb.h"

/*
 * Runs @request until it is done. @where is the member of its union that takes the step. Whatever the store says of
 * the pause is kept to, but cancel and deadline end it.
 */
int pfs_step_run(struct pfs_verb *verb, struct pfs_request *request, struct polyfs_step **where);

#endif
