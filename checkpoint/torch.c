/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of torch.save(): a zip of ROOT/data.pkl, the pickle of what was saved, and of ROOT/data/KEY, the bytes of each
 * storage that tensors of it share. Lightning's checkpoints are such files.
 */
#include "torch.h"

#include <stdlib.h>
#include <string.h>

#define PICKLE "data.pkl"
#define HEAD_SIZE 512 /* shows what a file is that is no zip file */

static int unsupported(const struct ckpt_torch *torch, const char *what)
{
    return ckpt_fail(torch->err, POLYFS_UNSUPPORTED, "read", torch->shard->name, "%s", what);
}

/* ---- what it is, if not one of these ---------------------------------------------------------------------------- */

/* The number that files of torch before 1.6 begin with, as a pickle of protocol 2. */
static const uint8_t old_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                    0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};

static int is_old(const uint8_t *head, size_t n)
{
    int is_pickle = n >= sizeof(old_magic) && memcmp(head, old_magic, sizeof(old_magic)) == 0;
    return is_pickle || (n == HEAD_SIZE && memcmp(head + 257, "ustar", 5) == 0);
}

static int other_tell(const struct ckpt_torch *torch)
{
    uint8_t head[HEAD_SIZE];
    size_t n = torch->shard->size < sizeof(head) ? (size_t)torch->shard->size : sizeof(head);
    int rc = ckpt_shard_read(torch->shard, 0, head, n, torch->err);
    if (rc != POLYFS_OK)
        return rc;
    if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0)
        return ckpt_fail(
            torch->err, POLYFS_CORRUPT, "read", torch->shard->name,
            "it begins as a zip file does, and has no end of one: it was cut off, or bytes were added; "
            "take another copy of it");
    if (is_old(head, n))
        return unsupported(torch, "it is of a format that torch used before 1.6; load it and save it again with "
                                  "torch.save() of a later one");
    return unsupported(torch, "it is no file of torch.save()");
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

struct ckpt_zip_entry *ckpt_torch_record(const struct ckpt_torch *torch, const char *folder, const char *name,
                                         size_t name_n)
{
    char whole[CKPT_ZIP_NAME_MAX];
    size_t folder_n = strlen(folder), n = torch->root_n + folder_n + name_n;
    if (torch->root_n >= sizeof(whole) || name_n >= sizeof(whole) || n > sizeof(whole))
        return NULL;
    char *at = mempcpy(whole, torch->root, torch->root_n);
    at = mempcpy(at, folder, folder_n);
    memcpy(at, name, name_n);
    return ckpt_zip_find(&torch->zip, whole, n);
}

/* The first ROOT/data.pkl whose root is one folder, or NULL. */
static struct ckpt_zip_entry *pickle_find(struct ckpt_torch *torch)
{
    for (size_t i = 0; i < torch->zip.count; i++) {
        struct ckpt_zip_entry *entry = &torch->zip.entries[i];
        const char *slash = memchr(entry->name, '/', entry->name_n);
        size_t root_n = slash ? (size_t)(slash - entry->name) : 0, rest = entry->name_n - root_n;
        if (root_n && rest == sizeof("/" PICKLE) - 1 && memcmp(slash, "/" PICKLE, rest) == 0) {
            torch->root = entry->name;
            torch->root_n = root_n;
            return entry;
        }
    }
    return NULL;
}

/* A program of TorchScript has its constants and its code beside the pickle. */
static int is_script(const struct ckpt_torch *torch)
{
    if (ckpt_torch_record(torch, "/", "constants.pkl", 13))
        return 1;
    for (size_t i = 0; i < torch->zip.count; i++) {
        const struct ckpt_zip_entry *entry = &torch->zip.entries[i];
        if (entry->name_n > torch->root_n + 6 && memcmp(entry->name, torch->root, torch->root_n) == 0 &&
            memcmp(entry->name + torch->root_n, "/code/", 6) == 0)
            return 1;
    }
    return 0;
}

/* Bytes lie as they did in the memory of who saved: "little" or "big". Files of torch before 2.1 do not say. */
static int order_check(struct ckpt_torch *torch)
{
    static const uint32_t little_crc =
        0x19e33d85u; /* of "little": the directory tells it, so that none need read */
    struct ckpt_zip_entry *entry = ckpt_torch_record(torch, "/", "byteorder", 9);
    uint8_t *order = NULL;
    if (!entry || (entry->size == 6 && entry->crc == little_crc))
        return POLYFS_OK;
    int rc = entry->size == 6 ? ckpt_zip_read(&torch->zip, entry, &order, torch->err) : POLYFS_OK;
    int is_little = order && memcmp(order, "little", 6) == 0;
    free(order);
    if (rc == POLYFS_OK && !is_little)
        return unsupported(torch,
                           "the bytes of its numbers are not in little-endian order; load it and save it again "
                           "on a machine of that order");
    return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int pickle_read(struct ckpt_torch *torch, struct ckpt_zip_entry *entry)
{
    char why[CKPT_WHY] = "";
    if (entry->size > CKPT_PICKLE_MAX)
        return ckpt_fail(torch->err, POLYFS_TOO_LARGE, "read", torch->shard->name,
                         "its pickle has %llu bytes, and %d are read at most: too much was saved beside tensors",
                         (unsigned long long)entry->size, CKPT_PICKLE_MAX);
    int rc = ckpt_zip_read(&torch->zip, entry, &torch->bytes, torch->err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_pickle_read(torch->bytes, (size_t)entry->size, &torch->pickle, why);
    return rc == POLYFS_OK ? rc : ckpt_fail(torch->err, rc, "read", torch->shard->name, "%s", why);
}

static int index_read(struct ckpt_torch *torch)
{
    char *state = NULL;
    int rc = ckpt_zip_open(torch->shard, &torch->zip, torch->err);
    if (rc == POLYFS_UNSUPPORTED)
        return other_tell(torch);
    if (rc != POLYFS_OK)
        return rc;
    struct ckpt_zip_entry *entry = pickle_find(torch);
    if (!entry)
        return unsupported(torch, "it is a zip file, but not one of torch.save(): it has no " PICKLE);
    if (is_script(torch))
        return unsupported(torch,
                           "it is a program of TorchScript; load it, and save its state_dict() with torch.save()");
    if ((rc = pickle_read(torch, entry)) != POLYFS_OK || (rc = order_check(torch)) != POLYFS_OK ||
        (rc = ckpt_torch_state(torch, &state)) != POLYFS_OK)
        return rc;
    free(torch->tensors->state);
    torch->tensors->state = state;
    return POLYFS_OK;
}

/* When it fails, some rows may be there already: none but the end of @tensors is left then. */
int ckpt_torch_index(struct polyfs_tensors *tensors, struct polyfs_error *err)
{
    struct ckpt_torch torch = {.tensors = tensors, .shard = &tensors->shards[tensors->shard_count - 1], .err = err};
    int rc = index_read(&torch);
    ckpt_pickle_clear(&torch.pickle);
    free(torch.bytes);
    ckpt_zip_clear(&torch.zip);
    return rc;
}
