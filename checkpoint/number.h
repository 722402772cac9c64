/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text by Python's format mini-language. */
#ifndef CKPT_NUMBER_H
#define CKPT_NUMBER_H

#include <polyfs/policy.h>

#include "run.h"

#define CKPT_WHY 256          /* room for a reason */
#define CKPT_NUMBER_WIDTH 255 /* most that a format may ask for as width or precision: names are no longer */

/*
 * Adds @value as Python's format(value, spec) writes it in the C locale. POLYFS_INVALID, with the reason in @why,
 * where Python raises, for widths and precisions beyond CKPT_NUMBER_WIDTH, and for NUL and surrogates by "c".
 */
int ckpt_number_format(const struct polyfs_policy_metric *value, const char *spec, size_t spec_n,
                       struct ckpt_text *out, char why[CKPT_WHY]);

#endif
