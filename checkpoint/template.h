/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of checkpoints, made of templates:
 *   name := [prefix JOIN] { literal | "}}" | "{" key [":" spec] "}" } [JOIN "v" version] EXT
 * where a field becomes [key EQUALS] value. Keys hold none of ":{}[]"; a literal "{" cannot be written.
 */
#ifndef CKPT_TEMPLATE_H
#define CKPT_TEMPLATE_H

#include "number.h"

/* Can it be read? POLYFS_INVALID, with the reason in @why. Whether a spec fits its value shows when there is one. */
int ckpt_template_check(const char *pattern, char why[CKPT_WHY]);

/*
 * The name into @out. @opts: no NULL among ext, join and equals. An empty @pattern stands for "{epoch}" JOIN
 * "{step}"; @prefix may be NULL; a negative @version is none. POLYFS_INVALID, with the reason in @why.
 */
int ckpt_template_expand(const struct polyfs_policy_opts *opts, const char *pattern, const char *prefix,
                         int64_t version, const struct polyfs_policy_moment *moment, struct ckpt_text *out,
                         char why[CKPT_WHY]);

/* The metric of this name into @out: 1, or 0 and the integer 0. "epoch" and "step" are always there, and whole. */
int ckpt_metric_find(const struct polyfs_policy_moment *moment, const char *name, size_t name_n,
                     struct polyfs_policy_metric *out);

/* A metric's value, whatever its kind. */
double ckpt_metric_real(const struct polyfs_policy_metric *metric);

#endif
