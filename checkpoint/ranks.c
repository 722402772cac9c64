/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes that save together: who this one is, and the name of an attempt on which all agree without a message.
 * It is made of what is the same on all ranks and never comes again: the launch, how often the launcher started it anew,
 * and which checkpoint of this process it is; so a rank of an earlier life never writes into a later attempt.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* ---- the launcher ----------------------------------------------------------------------------------------------- */

static int number(const char *name, uint32_t *out, struct polyfs_error *err)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (!text || !*text)
        return POLYFS_OK;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || *text == '-' || value > UINT32_MAX)
        return ckpt_fail(err, POLYFS_CONFIG, "read", name, "\"%s\" is no number", text);
    *out = (uint32_t)value;
    return POLYFS_OK;
}

static int is_set(const char *name)
{
    const char *text = getenv(name);
    return text && *text;
}

static void add_text(struct polyfs_ckpt_ranks *ranks, const char *name)
{
    const char *text = getenv(name);
    size_t n = strlen(ranks->launch);
    if (text)
        snprintf(ranks->launch + n, sizeof(ranks->launch) - n, "/%s", text);
}

/* When a process was started, in ticks since the machine was: field 22, behind the name in parentheses (proc(5)). */
static unsigned long long start_of(pid_t pid)
{
    char path[64], line[1024];
    unsigned long long ticks = 0;
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fgets(line, sizeof(line), file)) {
        char *at = strrchr(line, ')');
        for (int field = 2; at && field < 22; field++)
            at = strchr(at + 1, ' ');
        ticks = at ? strtoull(at, NULL, 10) : 0;
    }
    fclose(file);
    return ticks;
}

/* All ranks on this machine are children of one launcher: which one, and of which start of the machine. */
static void add_parent(struct polyfs_ckpt_ranks *ranks)
{
    char boot[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file && fgets(boot, sizeof(boot), file))
        boot[strcspn(boot, "\n")] = '\0';
    if (file)
        fclose(file);
    snprintf(ranks->launch, sizeof(ranks->launch), "%s/%ld/%llu", boot, (long)getppid(), start_of(getppid()));
}

static int of_torchrun(struct polyfs_ckpt_ranks *ranks, struct polyfs_error *err)
{
    uint32_t local = 0;
    const char *id = getenv("TORCHELASTIC_RUN_ID");
    int rc = number("RANK", &ranks->rank, err);
    if (rc == POLYFS_OK)
        rc = number("WORLD_SIZE", &ranks->world, err);
    if (rc == POLYFS_OK)
        rc = number("TORCHELASTIC_RESTART_COUNT", &ranks->restart, err);
    if (rc == POLYFS_OK)
        rc = number("LOCAL_WORLD_SIZE", &local, err);
    if (rc != POLYFS_OK)
        return rc;
    if (id && *id && strcmp(id, "none") != 0)
        add_text(ranks, "TORCHELASTIC_RUN_ID");
    else if (local == ranks->world)
        add_parent(ranks);
    else
        return ckpt_fail(
            err, POLYFS_CONFIG, "tell", "this launch from others",
            "torchrun was given no id for it: start it with --rdzv-id=NAME, another one for each launch");
    return POLYFS_OK;
}

static int of_open_mpi(struct polyfs_ckpt_ranks *ranks, struct polyfs_error *err)
{
    add_text(ranks, "PMIX_NAMESPACE");
    add_text(ranks, "OMPI_MCA_orte_hnp_uri"); /* of releases whose namespace is a small number */
    int rc = number("OMPI_COMM_WORLD_RANK", &ranks->rank, err);
    return rc == POLYFS_OK ? number("OMPI_COMM_WORLD_SIZE", &ranks->world, err) : rc;
}

static int of_slurm(struct polyfs_ckpt_ranks *ranks, struct polyfs_error *err)
{
    add_text(ranks, "SLURM_JOB_ID");
    add_text(ranks, "SLURM_STEP_ID");
    int rc = number("SLURM_PROCID", &ranks->rank, err);
    if (rc == POLYFS_OK)
        rc = number(is_set("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS", &ranks->world, err);
    return rc == POLYFS_OK ? number("SLURM_RESTART_COUNT", &ranks->restart, err) : rc;
}

int polyfs_ckpt_ranks_of_launcher(struct polyfs_ckpt_ranks *out_ranks, struct polyfs_error *err)
{
    struct polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
    int rc = POLYFS_OK;
    if (is_set("RANK") && is_set("WORLD_SIZE"))
        rc = of_torchrun(&ranks, err);
    else if (is_set("OMPI_COMM_WORLD_RANK"))
        rc = of_open_mpi(&ranks, err);
    else if (is_set("SLURM_PROCID"))
        rc = of_slurm(&ranks, err);
    if (rc != POLYFS_OK)
        return rc;
    out_ranks->rank = ranks.rank;
    out_ranks->world = ranks.world;
    out_ranks->restart = ranks.restart;
    memcpy(out_ranks->launch, ranks.launch, sizeof(ranks.launch));
    return POLYFS_OK;
}

/* ---- attempts --------------------------------------------------------------------------------------------------- */

/* FNV-1a of 128 bits (Fowler, Noll, Vo): nobody attacks it, it has to be the same on all ranks. */
static unsigned __int128 hash(const char *text)
{
    const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
    unsigned __int128 value = (unsigned __int128)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * prime;
    return value;
}

int ckpt_ranks_attempt(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry, char out[CKPT_ATTEMPT])
{
    char *text =
        ckpt_format("%s\n%u\n%llu\n%lld\n%lld\n%s", ckpt->ranks.launch, ckpt->ranks.restart,
                    (unsigned long long)ckpt->begun, (long long)entry->step, (long long)entry->epoch, entry->name);
    if (!text)
        return POLYFS_NOMEM;
    unsigned __int128 value = hash(text);
    snprintf(out, CKPT_ATTEMPT, "%016llx%016llx", (unsigned long long)(value >> 64), (unsigned long long)value);
    free(text);
    return POLYFS_OK;
}

const char *ckpt_ranks_plain(const char *file)
{
    return file[0] == 'r' && strspn(file + 1, "0123456789") >= 5 && file[1 + strspn(file + 1, "0123456789")] == '/'
               ? strchr(file, '/') + 1
               : file;
}
