/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file registry.h
 * Which protocols there are, who implements them, and what they take.
 *
 * Plugins are looked for in this order: folders added by the program, POLYFS_PLUGIN_PATH (ignored when setuid),
 * the user's folder (~/.local/lib/polyfs/plugins-1), `polyfs/plugins-1` beside the running libpolyfs, the folder
 * of the installation. An earlier folder wins. Reading this list runs no code of a plugin.
 */
#ifndef POLYFS_REGISTRY_H
#define POLYFS_REGISTRY_H

#include "polyfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What can be told of a plugin. */
enum polyfs_plugin_state {
    POLYFS_PLUGIN_AVAILABLE = 0, /**< everything that can be told from outside is well */
    POLYFS_PLUGIN_BUILTIN = 1,   /**< linked into this program */
    POLYFS_PLUGIN_FAILED = 2,    /**< cannot be used; `reason` says why and what ends it */
    POLYFS_PLUGIN_SHADOWED = 3,  /**< another of the same protocol comes first; `reason` names it */
    POLYFS_PLUGIN_HINT = 4 /**< a protocol that this installation knows by name only; `reason` says what to do */
};

/** One protocol of one plugin. Text lives as long as the list. */
struct polyfs_implementation {
    uint32_t struct_size;
    uint32_t state;       /**< enum polyfs_plugin_state */
    const char *protocol; /**< e.g. "s3a" */
    const char *name;     /**< of the plugin, e.g. "s3" */
    const char *version;  /**< of the plugin; "" for a hint */
    const char *summary;  /**< one line */
    const char *library;  /**< absolute path of the shared object; "" when there is none */
    const char *manifest; /**< absolute path of the manifest; "" when built in */
    const char *reason;   /**< "" when available */
};

struct polyfs_implementations; /**< a list of them, sorted by protocol */

/** Load each plugin in a child process too, and tell what only loading can tell. */
#define POLYFS_IMPLEMENTATIONS_CHECK 1u

/**
 * All protocols that this process could open, and those that it cannot, with the reason.
 *
 * @param flags     0 or POLYFS_IMPLEMENTATIONS_CHECK
 * @param out_list  free with polyfs_implementations_free()
 * @param err       or NULL
 * @return POLYFS_OK, POLYFS_NOMEM, POLYFS_IO
 * Owner: caller. Thread: any. Blocks: reads folders; with CHECK at most 10 s a plugin.
 */
POLYFS_API int polyfs_known_implementations(uint32_t flags, struct polyfs_implementations **out_list,
                                            struct polyfs_error *err);

/**
 * How many rows there are.
 *
 * @param list  not NULL
 * @return count
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API size_t polyfs_implementations_count(const struct polyfs_implementations *list);

/**
 * One row.
 *
 * @param index  below the count
 * @return borrowed until polyfs_implementations_free()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_implementation *polyfs_implementations_at(const struct polyfs_implementations *list,
                                                                         size_t index);

/**
 * Free a list.
 *
 * @param list  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_implementations_free(struct polyfs_implementations *list);

/** One option of a protocol. Text is borrowed from the list. */
struct polyfs_option_info {
    uint32_t struct_size;
    uint32_t secret; /**< 1: never printed */
    const char *name;
    const char *aliases;       /**< separated by ' ' */
    const char *env;           /**< separated by ' ' */
    const char *type;          /**< "string", "int", "size", "duration", "bool", "choice", "path" */
    const char *default_value; /**< NULL for none */
    const char *choices;       /**< separated by ' ', or "" */
    const char *help;
};

struct polyfs_option_list; /**< the options of one protocol */

/**
 * The options that a protocol takes, those of every protocol included. Runs no code of a plugin.
 *
 * @param protocol  e.g. "s3"
 * @param out_list  free with polyfs_option_list_free()
 * @return POLYFS_OK, POLYFS_PLUGIN (no such protocol; the message names the nearest), POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: reads folders.
 */
POLYFS_API int polyfs_protocol_options(const char *protocol, struct polyfs_option_list **out_list,
                                       struct polyfs_error *err);

/**
 * How many rows there are.
 *
 * @param list  not NULL
 * @return count
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API size_t polyfs_option_list_count(const struct polyfs_option_list *list);

/**
 * One row.
 *
 * @param index  below the count
 * @return borrowed until polyfs_option_list_free()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_option_info *polyfs_option_list_at(const struct polyfs_option_list *list,
                                                                  size_t index);

/**
 * Free a list.
 *
 * @param list  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_option_list_free(struct polyfs_option_list *list);

/**
 * Look for plugins in one more folder, before all others. What the program names is trusted as the program is.
 *
 * @param folder  absolute path
 * @param err     or NULL
 * @return POLYFS_OK, POLYFS_INVALID (relative), POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_plugin_path_add(const char *folder, struct polyfs_error *err);

struct polyfs_host;
struct polyfs_plugin;

/**
 * Register a plugin that is linked into this program (docs/plugin-guide.md, "Static programs"). It comes before
 * every folder.
 *
 * @param entry  its POLYFS_PLUGIN_ENTRY
 * @param err    or NULL
 * @return POLYFS_OK, POLYFS_PLUGIN (what is wrong with it), POLYFS_EXISTS (the protocol is registered already)
 * Owner: library keeps the plugin for ever. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_plugin_register(int (*entry)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                                                   struct polyfs_error *err),
                                      struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
