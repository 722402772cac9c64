/* SPDX-License-Identifier: Apache-2.0 */
/* The types of elements that safetensors knows, and how many bytes a tensor of them has. */
#include <string.h>

#include "tensors.h"

static const struct {
    const char *name;
    unsigned bits;
} types[] = {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"U8", 8},   {"I8", 8},
             {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},     {"F8_E4M3FNUZ", 8}, {"I16", 16}, {"U16", 16},
             {"F16", 16},    {"BF16", 16},   {"F8_E5M2FNUZ", 8}, {"I32", 32},        {"U32", 32}, {"F32", 32},
             {"C64", 64},    {"F64", 64},    {"I64", 64},        {"U64", 64}};

unsigned ckpt_dtype_bits(const char *dtype)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, dtype) == 0)
            return types[i].bits;
    return 0;
}

int ckpt_tensor_bytes(const char *dtype, const uint64_t *shape, uint32_t rank, uint64_t *out_bytes)
{
    uint64_t bits = ckpt_dtype_bits(dtype);
    int empty = 0;
    if (!bits || rank > CKPT_RANK_MAX)
        return POLYFS_INVALID;
    for (uint32_t i = 0; i < rank; i++)
        empty |= shape[i] == 0;
    for (uint32_t i = 0; i < rank && !empty; i++)
        if (__builtin_mul_overflow(bits, shape[i], &bits))
            return POLYFS_INVALID;
    if (!empty && bits % 8 != 0)
        return POLYFS_INVALID;
    *out_bytes = empty ? 0 : bits / 8;
    return POLYFS_OK;
}
