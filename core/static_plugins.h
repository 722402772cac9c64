/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the plugins that are linked into this library; made by the build, ended by NULL. */
#ifndef PFS_STATIC_PLUGINS_H
#define PFS_STATIC_PLUGINS_H

#include "polyfs/plugin.h"

extern polyfs_plugin_entry *const pfs_static_plugins[];

#endif
