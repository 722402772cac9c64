/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torture LIST [SCENARIO…]: runs the scenarios that LIST names, all or those given, and prints a table of their points.
 * torture --mutants: runs calls with planted mistakes; it fails when one is not noticed.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "torture.h"

static const struct scenario *const files[] = {setup_scenarios,
                                               look_scenarios,
                                               read_scenarios,
                                               write_scenarios,
                                               change_scenarios,
                                               bulk_scenarios,
                                               checkpoint_scenarios,
                                               segments_scenarios,
                                               content_scenarios,
                                               policy_scenarios,
                                               NULL};

static const struct scenario *scenario_of(const char *name)
{
    for (unsigned i = 0; files[i]; i++)
        for (const struct scenario *s = files[i]; s->name; s++)
            if (strcmp(s->name, name) == 0)
                return s;
    return NULL;
}

static int asked_for(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc < 3;
}

static unsigned drive_both(const struct scenario *s)
{
    unsigned failures = 0;
    if (s->flags & ON_MEMORY)
        failures += drive(s, "memory");
    if (s->flags & ON_FILE)
        failures += drive(s, "file");
    if (s->flags & ON_BARE)
        failures += drive(s, "bare");
    return failures;
}

static unsigned count_all(void)
{
    unsigned count = 1; /* load */
    for (unsigned i = 0; files[i]; i++)
        for (const struct scenario *s = files[i]; s->name; s++)
            count++;
    return count;
}

/* Each line of the list: a name, blanks, what it does. */
static int run_list(int argc, char **argv)
{
    char line[300];
    unsigned failures = 0, count = 0;
    FILE *list = fopen(argv[1], "r");
    if (!list) {
        perror(argv[1]);
        return 1;
    }
    table_head();
    while (fgets(line, sizeof(line), list)) {
        line[strcspn(line, " \t\n")] = '\0';
        if (!*line || *line == '#')
            continue;
        const struct scenario *s = scenario_of(line);
        count++;
        if (!s && strcmp(line, "load") != 0) {
            fprintf(stderr, "torture: %s names \"%s\", which is no scenario\n", argv[1], line);
            failures++;
        } else if (asked_for(line, argc, argv)) {
            failures += s ? drive_both(s) : drive_load();
        }
    }
    fclose(list);
    if (count != count_all()) {
        fprintf(stderr, "torture: %s names %u scenarios, there are %u\n", argv[1], count, count_all());
        failures++;
    }
    printf("%u scenarios, %u failures\n", count, failures);
    return failures ? 1 : 0;
}

static int noticed(const char *wanted)
{
    int yes = strstr(first_failure, wanted) != NULL;
    printf("%s: %s\n", yes ? "noticed" : "MISSED", yes ? first_failure : wanted);
    *first_failure = '\0';
    return yes;
}

static int run_mutants(void)
{
    unsigned missed = 0;
    setenv("TORTURE_QUIET", "1", 1);
    for (const struct scenario *s = mutant_scenarios; s->name; s++) {
        struct scenario named = *s;
        named.name = "mutant";
        drive(&named, "memory");
        missed += !noticed(s->name);
    }
    alloc_plant_leak = 1; /* core itself forgets to free what it holds when it fails */
    drive(scenario_of("write_parts"), "memory");
    alloc_plant_leak = 0;
    missed += !noticed("leak: ");
    return missed ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *is = setlocale(LC_ALL, ""), *wanted = getenv("POLYFS_TEST_LOCALE");
    signal(SIGPIPE, SIG_IGN);
    if (wanted && (!is || strcmp(is, wanted) != 0)) {
        fprintf(stderr, "torture: the locale %s cannot be set\n", wanted);
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "--mutants") == 0)
        return run_mutants();
    if (argc < 2) {
        fprintf(stderr, "usage: torture LIST [SCENARIO...] | --mutants\n");
        return 2;
    }
    return run_list(argc, argv);
}
