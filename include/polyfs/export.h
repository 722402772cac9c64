/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file export.h
 * Visibility of public symbols. Everything else in the libraries is hidden (core/polyfs.map names what is exported).
 */
#ifndef POLYFS_EXPORT_H
#define POLYFS_EXPORT_H

#if defined(__GNUC__)
/** Marks a function that the shared libraries export. */
#define POLYFS_API __attribute__((visibility("default")))
/** Lets the compiler check a printf-style format. */
#define POLYFS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define POLYFS_API
#define POLYFS_PRINTF(text, first)
#endif

#endif
