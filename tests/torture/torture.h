/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Torture: each scenario is one call, prepared and judged by a few functions. The driver (drive.c) makes every
 * allocation and every slot call of it fail in turn, once and for good, and after each asks: the right code? outputs
 * untouched? nothing half-visible in the store? the next call well? nothing leaked?
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdint.h>

#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>

#define ON_MEMORY 1u
#define ON_FILE 2u
#define ON_BARE 4u /* a store with the required slots alone: core makes the rest, and overlaps its calls */
#define ON_BOTH (ON_MEMORY | ON_FILE)
#define ON_ALL (ON_BOTH | ON_BARE)
#define ITEMS 16u      /* many objects: on failure each is as before or as after, for itself */
#define NO_SLOTS 32u   /* it calls no slot, or through a filesystem of its own that takes no faults */
#define AFRESH 64u     /* what it leaves undone cannot be asked for again, so the next call begins anew */
#define COPES 128u     /* a failure may cost it nothing but a text or a cleaning up, and is not told then */
#define THRIFTY 512u   /* further parts in memory where there is room: without, it goes on part by part */
#define OWN_STATE 256u /* what the store holds is judged by `settled`: names are drawn at random */

#define BIG 10000u /* three parts of PART bytes */
#define PART "4096"

/* Where a call puts its results. Filled with a pattern first; a failed call must leave it alone. */
struct outs {
    struct polyfs_stat stat;
    struct polyfs_usage usage;
    struct polyfs_checksum checksum;
    void *data;
    size_t n;
    int exists;
    unsigned rows; /* counted by callbacks or pages */
    void *handle;
    struct polyfs_ckpt_info info;
};

/* One store while one scenario is run on it. */
struct world {
    const char *store;       /* "memory", "file" or "bare" */
    struct polyfs_fs *clean; /* without faults, open all the time */
    struct polyfs_fs *fs;    /* what the call under test uses */
    char base[200];          /* path of the scenario's folder */
    char folder[160];        /* a folder of this machine, for files of settings and downloads */
    const char *option;      /* "fault=…" for a call that opens its own filesystem, or NULL */
    unsigned serial;         /* grows with each call */
    struct outs out;
};

struct scenario {
    const char *name;
    unsigned flags;
    void (*setup)(struct world *w);
    int (*call)(struct world *w, struct polyfs_error *err);
    const char *(*check)(const struct world *w); /* after success: NULL, or what is wrong */
    void (*drop)(struct world *w);               /* frees what a successful call gave; or NULL */
    const char *absorbs;                         /* slots that the call may do without, separated by blanks */
    const char *(*settled)(struct world *w, int rc);
};

/* Scenarios by file, each ended by a row without a name. */
extern const struct scenario look_scenarios[], read_scenarios[], write_scenarios[], change_scenarios[],
    bulk_scenarios[], checkpoint_scenarios[], segments_scenarios[], content_scenarios[], policy_scenarios[],
    setup_scenarios[], mutant_scenarios[];

/* A path below the scenario's folder; good until a few more were asked for. */
const char *at(const struct world *w, const char *name);
/* The same as a URL. */
const char *url_at(const struct world *w, const char *name);
/* Puts an object of so many bytes into the clean filesystem; the bytes depend on the name. Ends the program if not. */
void plant(struct world *w, const char *name, size_t size);
/* Those bytes. */
const char *bytes_of(const char *name, size_t size);
/* Options for opening the world's store once more; NULL-terminated, static. */
const char *const *options_of(const struct world *w);
void must(int rc, const char *what, const struct polyfs_error *err);

/* checkpoint.c: a run of two checkpoints, opened once more, and what has to hold after a call on it. */
void run_of_two(struct world *w);
int run_open(struct world *w, uint32_t flags, struct polyfs_ckpt **out, struct polyfs_error *err);
int run_save(struct polyfs_ckpt *run, int64_t step, struct polyfs_ckpt_info *info, struct polyfs_error *err);
const char *run_settled(struct world *w, int rc);
const char *run_check_save(const struct world *w);

/* What a store holds below the scenario's folder. */
struct snapshot {
    unsigned count;
    struct row {
        char path[120];
        uint64_t size;
        uint32_t crc;
        int folder;
    } rows[96];
};
void store_open(struct world *w, const char *name);
void store_close(struct world *w);
/* The same store once more, with a fault planted. */
struct polyfs_fs *store_with_fault(struct world *w, const char *fault);
void store_clear(struct world *w);
void store_look(struct world *w, struct snapshot *out);
/* NULL, or what is wrong with `now`, each object being as before or as after; `whole`: all as one of the two. */
const char *store_compare(const struct snapshot *before, const struct snapshot *after, const struct snapshot *now,
                          int whole);

/* Runs one on one store; how many checks failed. The first line of what failed is kept for the mutants. */
unsigned drive(const struct scenario *s, const char *store);
extern char first_failure[512];
/* Loading of a plugin, in children that have loaded none yet; before anything else. */
unsigned drive_load(void);
void table_head(void);

#endif
