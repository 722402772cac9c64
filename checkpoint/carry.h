/* SPDX-License-Identifier: Apache-2.0 */
/* A plan on its way into a checkpoint, for a save at once and for one behind the scenes. */
#ifndef CKPT_CARRY_H
#define CKPT_CARRY_H

#include <polyfs/checkpoint.h>

struct ckpt_carry {
    const struct polyfs_policy *policy;
    const struct polyfs_policy_moment *moment;
    const struct polyfs_policy_plan *plan;
    polyfs_ckpt_fill_fn *fill;
    void *user;
};

/* What the caller and the policy have to save, into a saver that has the plan. */
int ckpt_carry_fill(struct polyfs_ckpt_saver *saver, const struct ckpt_carry *carry, struct polyfs_error *err);
/* How a save of the plan is called. Borrows from both. */
void ckpt_carry_opts(const struct ckpt_carry *carry, const struct polyfs_policy_step *step,
                     struct polyfs_ckpt_save_opts *out);

#endif
