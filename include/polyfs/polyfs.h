/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file polyfs.h
 * All of the public interface of the virtual filesystem. Declares nothing itself.
 */
#ifndef POLYFS_POLYFS_H
#define POLYFS_POLYFS_H

#include "polyfs/bulk.h"
#include "polyfs/error.h"
#include "polyfs/fs.h"
#include "polyfs/io.h"
#include "polyfs/op.h"
#include "polyfs/registry.h"
#include "polyfs/runtime.h"
#include "polyfs/types.h"
#include "polyfs/url.h"

#endif
