/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file url.h
 * The ten-line path: whole objects by URL, with options from the environment and the files of settings.
 */
#ifndef POLYFS_URL_H
#define POLYFS_URL_H

#include "polyfs/io.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read a whole object.
 *
 * @param url       as for polyfs_fs_open()
 * @param out_data  its bytes and a NUL behind them; free with polyfs_free()
 * @param out_n     bytes without the NUL; may be NULL
 * @param err       or NULL
 * @return POLYFS_OK, or a code of polyfs_fs_open() and polyfs_get()
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_get_url(const char *url, void **out_data, size_t *out_n, struct polyfs_error *err);

/**
 * Write a whole object, all or nothing, replacing what is there.
 *
 * @param data  @p size bytes
 * @return POLYFS_OK, or a code of polyfs_fs_open() and polyfs_put()
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_put_url(const char *url, const void *data, size_t size, struct polyfs_error *err);

/**
 * Open an object for reading.
 *
 * @param out_reader  end with polyfs_reader_close()
 * @return POLYFS_OK, or a code of polyfs_fs_open() and polyfs_reader_open()
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_open_url(const char *url, struct polyfs_reader **out_reader, struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
