/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry symbol and the description of the plugin: its name, options and tables.
 *
 * memory:// keeps objects in the memory of the process, counted against a limit. It is the reference model of the
 * contract: it does everything that plugin.h describes, and conformance compares the other stores with it.
 * Invariant: everything here is static and immutable but memory_host, which the entry symbol sets once.
 */
#include "memory.h"
#include "store.h"

static const struct polyfs_option options[] = {
    {"store", "", "", POLYFS_OPTION_STRING, 0, "default", NULL,
     "name of the store; all of that name in this process share one"},
    {"max_bytes", "", "", POLYFS_OPTION_SIZE, 0, "1GiB", NULL,
     "most memory that the store may take, names and metadata included; 0 for no limit"},
    {"folders", "", "", POLYFS_OPTION_CHOICE, 0, "implied", "implied real",
     "implied: names are opaque, as on an object store; real: folders exist, as on a disk"},
    {"versioning", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "keep old versions and delete markers; needs folders=implied"},
    {"network", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "count as a store across a network, so that calls overlap (to try out programs)"},
};

POLYFS_PLUGIN_DEFINE(memory, memory_host, POLYFS_OK, .version = "0.1.0",
                     .summary = "Objects in the memory of this process", .protocols = "memory", .authority = "none",
                     .options = POLYFS_PLUGIN_OPTIONS(options), .fs = &memory_fs_ops, .lister = &memory_lister_ops,
                     .reader = &memory_reader_ops, .upload = &memory_upload_ops, .placed = &memory_placed_ops,
                     .stream = &memory_stream_ops)
