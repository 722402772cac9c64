/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing and what is unexpected when something is loaded by names: told, counted, and refused when strict. */
#ifndef CKPT_DIFFER_H
#define CKPT_DIFFER_H

#include <stddef.h>

struct ckpt_differ {
    void (*tell)(const char *name, int unexpected, void *user); /* or NULL */
    void *user;
    size_t missing, unexpected;
    const char *first; /* of those that differ; borrowed */
};

void ckpt_differs(struct ckpt_differ *differ, const char *name, int unexpected);
/* POLYFS_NOT_FOUND when something is missing, POLYFS_EXISTS when something is unexpected, else POLYFS_OK. */
int ckpt_differ_code(const struct ckpt_differ *differ);

#endif
