/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by OpenSSL, which is asked for each of them once: to look one up costs more than to sign a request with it. */
#ifndef PS_DIGEST_H
#define PS_DIGEST_H

#include "polyfs/plugin.h"

/* SHA-256 (FIPS 180-4). */
int ps_sha256(const void *data, uint64_t size, unsigned char out[32], struct polyfs_error *err);
/* MD5 (RFC 1321), for the headers that some stores insist on. */
int ps_md5(const void *data, uint64_t size, unsigned char out[16], struct polyfs_error *err);
/* HMAC-SHA-256 (RFC 2104); @out may be @key or @data. */
int ps_hmac(const void *key, uint64_t key_bytes, const void *data, uint64_t size, unsigned char out[32],
            struct polyfs_error *err);

#endif
