/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the reader of torch.save()'s files share: torch.c finds the pickle and what belongs to it,
 * torch_state.c walks through what the pickle holds, torch_tensor.c makes rows of the tensors in it, torch_text.c has
 * its texts.
 */
#ifndef CKPT_TORCH_H
#define CKPT_TORCH_H

#include "pickle.h"
#include "zip.h"

struct ckpt_torch {
    struct polyfs_tensors *tensors;
    const struct ckpt_shard *shard;
    struct ckpt_zip zip;
    uint8_t *bytes; /* of the pickle */
    struct ckpt_pickle pickle;
    const char *root; /* the folder of all records; no NUL ends it */
    size_t root_n;
    struct polyfs_error *err;
    uint64_t shape[CKPT_RANK_MAX]; /* of the tensor under way */
    int64_t stride[CKPT_RANK_MAX];
    struct ckpt_text text; /* the one under way */
};

/* torch.c: the record ROOT/FOLDER/NAME, or NULL. */
struct ckpt_zip_entry *ckpt_torch_record(const struct ckpt_torch *torch, const char *folder, const char *name,
                                         size_t name_n);

/* What an object is. */
struct ckpt_torch_kind {
    int is_tensor;      /* it has a row now */
    uint32_t state;     /* of a tensor: attributes that were saved with it, or 0 */
    const char *reason; /* of what is a tensor and yet has no row; or NULL */
};

/* torch_tensor.c: adds a row of this name if @object is a tensor. */
int ckpt_torch_tensor(struct ckpt_torch *torch, uint32_t object, const char *name, struct ckpt_torch_kind *out);

/*
 * torch_text.c: a text, name, number or what else is a key, as Python's str() has it, in UTF-8 and without NUL: in new
 * memory, or NULL when there is none. @index: of the key, for what has no text.
 */
char *ckpt_torch_text(struct ckpt_torch *torch, uint32_t node, uint32_t index);

/* torch_state.c: adds the rows of all tensors, and tells all that the pickle holds as JSON; free() it. */
int ckpt_torch_state(struct ckpt_torch *torch, char **out);

#endif
