/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip files (PKWARE's APPNOTE.TXT, 4.3), as far as their records are stored plain: which there are, and where their
 * bytes lie. Nothing is ever inflated. What the file says of itself is checked against its size before it is used.
 */
#ifndef CKPT_ZIP_H
#define CKPT_ZIP_H

#include "run.h"
#include "tensors.h"

#define CKPT_ZIP_TAIL_MAX 65536           /* read first: it holds the directory of most files */
#define CKPT_ZIP_DIRECTORY_MAX (64 << 20) /* about a million records of torch's */
#define CKPT_ZIP_NAME_MAX 1024            /* of a record that is looked up; torch's take 512 */

/* One record. */
struct ckpt_zip_entry {
    const char *name; /* in UTF-8, mostly; no NUL ends it */
    size_t name_n;
    uint64_t header; /* in the file, of the header before its bytes */
    uint64_t next;   /* where that of the next one is, or the directory */
    uint64_t size;   /* of its bytes, as they are stored */
    uint64_t data;   /* in the file, of its bytes; 0: not known yet */
    uint32_t crc;
    uint16_t method, flags;
};

struct ckpt_zip {
    const struct ckpt_shard *shard;
    uint8_t *tail; /* the end of the file, from tail_at on */
    uint64_t tail_at;
    size_t tail_n;
    uint8_t *directory; /* or NULL, when it lies in the tail; names point into either */
    struct ckpt_zip_entry *entries;
    struct ckpt_zip_entry **by_name;
    size_t count;
    uint64_t end; /* in the file, of the records: there begins the directory */
    int aligned;  /* torch's own writer made it: see ckpt_zip_locate() */
};

/*
 * The directory of a file. POLYFS_UNSUPPORTED: the end of the file is not that of a zip file; POLYFS_CORRUPT,
 * TOO_LARGE, … End what is opened with ckpt_zip_clear(), which takes what is all zeros, too.
 */
int ckpt_zip_open(const struct ckpt_shard *shard, struct ckpt_zip *out, struct polyfs_error *err);
void ckpt_zip_clear(struct ckpt_zip *zip);

/* The record of that name, or NULL. */
struct ckpt_zip_entry *ckpt_zip_find(const struct ckpt_zip *zip, const char *name, size_t name_n);

/* Where the bytes of a record begin, into entry->data. POLYFS_UNSUPPORTED when they are not stored plain. */
int ckpt_zip_locate(struct ckpt_zip *zip, struct ckpt_zip_entry *entry, struct polyfs_error *err);

/* All bytes of a record into new memory; the caller has looked at entry->size. */
int ckpt_zip_read(struct ckpt_zip *zip, struct ckpt_zip_entry *entry, uint8_t **out, struct polyfs_error *err);

#endif
