/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans copies that it reads, and prints the plans: one case a line on standard input, fields separated by tabs:
 *   files (joined by '|')  dirs (joined by '|')  sources ('|')  target  recursive (0/1)  max_depth (0 none)
 * One line of output a case: "source>target" pairs joined by '|', or "!code".
 */
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 6
#define SOURCES_MAX 8

static char plan[1 << 20];
static size_t plan_length;

static void take(const struct polyfs_item *item, void *user)
{
    (void)user;
    plan_length += (size_t)snprintf(plan + plan_length, sizeof(plan) - plan_length, "%s%s>%s",
                                    plan_length ? "|" : "", item->source, item->target);
}

static int make(struct polyfs_fs *fs, char *names, int dirs, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_PARENTS;
    for (char *save = NULL, *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        int rc = dirs ? polyfs_mkdir(fs, name, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, NULL, err)
                      : polyfs_put(fs, name, "x", 1, &opts, NULL, err);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

static int run_case(struct polyfs_fs *fs, char *fields[FIELDS])
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    const char *sources[SOURCES_MAX], *target = fields[3];
    size_t count = 0;
    int list = strchr(fields[2], '|') != NULL;
    if (make(fs, fields[0], 0, &err) != POLYFS_OK || make(fs, fields[1], 1, &err) != POLYFS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (char *save = NULL, *name = strtok_r(fields[2], "|", &save); name && count < SOURCES_MAX;
         name = strtok_r(NULL, "|", &save))
        sources[count++] = name;
    opts.flags = POLYFS_BULK_DRY_RUN | (fields[4][0] == '1' ? POLYFS_BULK_RECURSIVE : 0) |
                 (list ? POLYFS_BULK_SOURCE_LIST : 0);
    opts.max_depth = (uint32_t)strtoul(fields[5], NULL, 10);
    opts.on_item = take;
    plan_length = 0;
    plan[0] = '\0';
    int rc = polyfs_bulk_copy(fs, sources, count, fs, &target, 1, &opts, NULL, &err);
    if (rc == POLYFS_OK)
        printf("%s\n", plan);
    else
        printf("!%s\n", polyfs_code_name(rc));
    if (polyfs_remove_tree(fs, "/s", NULL, NULL) != POLYFS_OK)
        return 1;
    polyfs_remove_tree(fs, "/t", NULL, NULL);
    return 0;
}

int main(void)
{
    static char line[1 << 16];
    const char *options[] = {"folders=real", "store=plan", NULL};
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs;
    if (polyfs_fs_open("memory://", options, &fs, NULL, &err) != POLYFS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        char *fields[FIELDS], *at = line;
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < FIELDS; i++)
            fields[i] = strsep(&at, "\t");
        if (!fields[FIELDS - 1] || run_case(fs, fields))
            return 1;
    }
    polyfs_fs_close(fs);
    return 0;
}
