/* SPDX-License-Identifier: Apache-2.0 */
/* A library that plugins of the tests need: with an answer for one, and with an entry symbol that is not theirs. */
#include "polyfs/plugin.h"

#ifdef WITH_ENTRY
POLYFS_API const char *dependency_name(void);
POLYFS_PLUGIN_EXPORT polyfs_plugin_entry polyfs_plugin_v1;

const char *dependency_name(void)
{
    return "dependency";
}

int polyfs_plugin_v1(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    (void)host, (void)out;
    return polyfs_fail(err, POLYFS_PLUGIN, "the entry of the dependency was called");
}
#else
POLYFS_API const char *dependency_answer(void);

const char *dependency_answer(void)
{
    return "from the dependency";
}
#endif
