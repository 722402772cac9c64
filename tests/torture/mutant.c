/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes planted into calls, each of which the driver must notice: a test of the test. */
#include <stdlib.h>
#include <string.h>

#include "torture.h"

static void one(struct world *w)
{
    plant(w, "a", 300);
}

static int honest(struct world *w, struct polyfs_error *err)
{
    return polyfs_get_all(w->fs, at(w, "a"), NULL, &w->out.data, &w->out.n, NULL, err);
}

static const char *check(const struct world *w)
{
    return w->out.n == 300 && memcmp(w->out.data, bytes_of("a", 300), 300) == 0 ? NULL : "the bytes are wrong";
}

static void drop(struct world *w)
{
    if (w->out.n == 300)
        polyfs_free(w->out.data);
}

/* What it had allocated is not freed when it fails. */
static int leaks(struct world *w, struct polyfs_error *err)
{
    char *mine = strdup("made before the call");
    int rc = mine ? honest(w, err) : POLYFS_NOMEM;
    if (!mine)
        err->code = POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        free(mine);
    return rc;
}

/* A failure is taken for "there is nothing". */
static int swallows(struct world *w, struct polyfs_error *err)
{
    int rc = honest(w, err);
    if (rc < 0)
        w->out.n = 0;
    return POLYFS_OK;
}

static int other_code(struct world *w, struct polyfs_error *err)
{
    int rc = honest(w, err);
    return rc < 0 ? err->code = POLYFS_CORRUPT : rc;
}

static int touches(struct world *w, struct polyfs_error *err)
{
    int rc = honest(w, err);
    if (rc < 0)
        w->out.n = 0;
    return rc;
}

/* What is written before the failure stays. */
static int tears(struct world *w, struct polyfs_error *err)
{
    int rc = polyfs_put(w->fs, at(w, "a"), bytes_of("new", 300), 300, NULL, NULL, err);
    if (rc < 0)
        polyfs_put(w->clean, at(w, "half"), bytes_of("new", 150), 150, NULL, NULL, NULL);
    return rc;
}

static int breaks(struct world *w, struct polyfs_error *err)
{
    static int broken;
    if (broken) {
        broken = 0;
        err->code = POLYFS_IO;
        return POLYFS_IO;
    }
    int rc = honest(w, err);
    broken = rc < 0;
    return rc;
}

/* The name is what the driver must say. */
const struct scenario mutant_scenarios[] = {
    {"leak: ", ON_MEMORY, one, leaks, check, drop, NULL, NULL},
    {"success is claimed, but ", ON_MEMORY, one, swallows, check, drop, NULL, NULL},
    {"the code is corrupt", ON_MEMORY, one, other_code, check, drop, NULL, NULL},
    {"outputs were touched", ON_MEMORY, one, touches, check, drop, NULL, NULL},
    {"half-visible: /half", ON_MEMORY, one, tears, NULL, NULL, NULL, NULL},
    {"the next call fails: ", ON_MEMORY, one, breaks, check, drop, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
