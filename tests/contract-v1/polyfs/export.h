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

/* A function and a struct may share a name, as stat(2) and struct stat do; g++ -Wshadow remarks on it in user code. */
#if defined(__cplusplus) && defined(__GNUC__)
#define POLYFS_SHARED_NAMES_BEGIN _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")
#define POLYFS_SHARED_NAMES_END _Pragma("GCC diagnostic pop")
#else
#define POLYFS_SHARED_NAMES_BEGIN
#define POLYFS_SHARED_NAMES_END
#endif

#endif
