/* SPDX-License-Identifier: Apache-2.0 */
/* See digest.h. OpenSSL is entered within fork sections only, as everywhere. */
#include "digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

#include "buf.h"

/* Made once and kept: NULL where OpenSSL has none. */
static EVP_MD *sha256, *md5;
static EVP_MAC_CTX *hmac; /* with a digest and some key: copied, and given the right one, for each use */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
    sha256 = EVP_MD_fetch(NULL, name, NULL);
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    hmac = kind ? EVP_MAC_CTX_new(kind) : NULL;
    if (hmac && !EVP_MAC_init(hmac, (const unsigned char *)"-", 1, params)) {
        EVP_MAC_CTX_free(hmac);
        hmac = NULL;
    }
    EVP_MAC_free(kind);
}

static int cannot(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_IO, "OpenSSL cannot compute a digest");
}

static int digest(EVP_MD *const *kind, const void *data, uint64_t size, unsigned char *out,
                  struct polyfs_error *err)
{
    ps_host->section_enter();
    pthread_once(&once, prepare);
    int done = *kind && EVP_Digest(data, size, out, NULL, *kind, NULL);
    ps_host->section_leave();
    return done ? POLYFS_OK : cannot(err);
}

int ps_sha256(const void *data, uint64_t size, unsigned char out[32], struct polyfs_error *err)
{
    return digest(&sha256, data, size, out, err);
}

int ps_md5(const void *data, uint64_t size, unsigned char out[16], struct polyfs_error *err)
{
    return digest(&md5, data, size, out, err);
}

int ps_hmac(const void *key, uint64_t key_bytes, const void *data, uint64_t size, unsigned char out[32],
            struct polyfs_error *err)
{
    ps_host->section_enter();
    pthread_once(&once, prepare);
    EVP_MAC_CTX *own = hmac ? EVP_MAC_CTX_dup(hmac) : NULL;
    int done = own && EVP_MAC_init(own, key, key_bytes, NULL) && EVP_MAC_update(own, data, size) &&
               EVP_MAC_final(own, out, NULL, 32);
    EVP_MAC_CTX_free(own);
    ps_host->section_leave();
    return done ? POLYFS_OK : cannot(err);
}
