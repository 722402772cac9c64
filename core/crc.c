/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C and CRC64NVME. Both work on reflected bits with all ones before and behind, so one set of tables and one way
 * of joining serves both. The processor's instructions are taken where it has them: crc32 for the one, a carry-less
 * multiplication for the other, and for both where it multiplies four pairs at once (Gopal et al., "Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ", 2009).
 */
#include "core/crc.h"

#include <pthread.h>
#include <string.h>

#include "polyfs/fs.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LANES 8u /* 128-bit words folded side by side */
#define WIDE 16u /* the same where four go into one register: four such registers */
/* Bytes of each of three runs that are summed side by side. */
#define THIRD UINT64_C(16384)

/* Guarded by once, then only read. */
static struct function {
    uint64_t polynomial; /* bits reflected */
    uint64_t top;        /* the bit that stands for x^0 */
    uint64_t table[8][256];
    uint64_t fold_wide[2]; /* multipliers of a word, WIDE words further */
} functions[2] = {{.polynomial = UINT64_C(0x82f63b78), .top = UINT64_C(1) << 31},
                  {.polynomial = UINT64_C(0x9a6c9329ac4bc9b5), .top = UINT64_C(1) << 63}};
/* The same of CRC64NVME, LANES and one word further. */
static uint64_t fold_far[2], fold_near[2];
/* Multipliers of a sum, so many bytes further. */
static uint64_t past_third, past_two_thirds;
static int by_instruction;
#if defined(__x86_64__)
static int by_wide_instruction;
#endif

/* ---- polynomials --------------------------------------------------------------------------------------------------- */

/* a·b modulo the polynomial. */
static uint64_t multiply(const struct function *f, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = f->top; bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? (b >> 1) ^ f->polynomial : b >> 1;
    }
    return product;
}

/* x^exponent modulo the polynomial. */
static uint64_t power(const struct function *f, uint64_t exponent)
{
    uint64_t result = f->top, square = f->top >> 1;
    for (; exponent; exponent >>= 1, square = multiply(f, square, square))
        if (exponent & 1)
            result = multiply(f, result, square);
    return result;
}

static void make_table(struct function *f)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ f->polynomial : crc >> 1;
        f->table[0][i] = crc;
    }
    for (unsigned i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            f->table[t][i] = (f->table[t - 1][i] >> 8) ^ f->table[0][f->table[t - 1][i] & 0xff];
}

/* A carry-less product of reflected words comes out multiplied by x, hence the exponents less one. The highest bit of a
 * word stands for x^0. */
static void make_folds(const struct function *f, uint64_t words, uint64_t fold[2])
{
    unsigned shift = f == &functions[0] ? 32 : 0;
    fold[0] = power(f, words * 128 + 64 - 1) << shift;
    fold[1] = power(f, words * 128 - 1) << shift;
}

static void prepare(void)
{
    make_table(&functions[0]);
    make_table(&functions[1]);
    make_folds(&functions[0], WIDE, functions[0].fold_wide);
    make_folds(&functions[1], WIDE, functions[1].fold_wide);
    make_folds(&functions[1], LANES, fold_far);
    make_folds(&functions[1], 1, fold_near);
    past_third = power(&functions[0], THIRD * 8);
    past_two_thirds = power(&functions[0], THIRD * 16);
#if defined(__x86_64__)
    __builtin_cpu_init();
    by_instruction = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    by_wide_instruction =
        by_instruction && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
#endif
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct function *function_of(uint32_t kind)
{
    pthread_once(&once, prepare);
    return kind == POLYFS_CHECKSUM_CRC32C      ? &functions[0]
           : kind == POLYFS_CHECKSUM_CRC64NVME ? &functions[1]
                                               : NULL;
}

/* All ones as wide as the value is. */
static uint64_t ones(const struct function *f)
{
    return f->top | (f->top - 1);
}

/* ---- by table: eight bytes at a time ------------------------------------------------------------------------------- */

static uint64_t table_step(const struct function *f, uint64_t state, const unsigned char *at, uint64_t size)
{
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word = 0, next = 0;
        for (int i = 7; i >= 0; i--)
            word = word << 8 | at[i];
        word ^= state;
        for (int i = 0; i < 8; i++)
            next ^= f->table[7 - i][word >> (8 * i) & 0xff];
        state = next;
    }
    while (size--)
        state = (state >> 8) ^ f->table[0][(state ^ *at++) & 0xff];
    return state;
}

/* ---- by instruction ------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* The instruction takes three cycles, and one can begin with each: three runs go side by side, and are joined. */
__attribute__((target("sse4.2"))) static uint64_t crc32c_thirds(uint64_t state, const unsigned char *at)
{
    uint64_t second = 0, third = 0;
    for (uint64_t i = 0; i < THIRD; i += 8) {
        state = __builtin_ia32_crc32di(state, word_at(at + i));
        second = __builtin_ia32_crc32di(second, word_at(at + THIRD + i));
        third = __builtin_ia32_crc32di(third, word_at(at + 2 * THIRD + i));
    }
    return multiply(&functions[0], state, past_two_thirds) ^ multiply(&functions[0], second, past_third) ^ third;
}

__attribute__((target("sse4.2"))) static uint64_t crc32c_step(uint64_t state, const unsigned char *at,
                                                              uint64_t size)
{
    for (; size >= 3 * THIRD; size -= 3 * THIRD, at += 3 * THIRD)
        state = crc32c_thirds(state, at);
    for (; size >= 8; size -= 8, at += 8)
        state = __builtin_ia32_crc32di(state, word_at(at));
    uint32_t rest = (uint32_t)state;
    while (size--)
        rest = __builtin_ia32_crc32qi(rest, *at++);
    return rest;
}

/* A word carried on by the distance that the multipliers stand for, and the word that lies there. */
__attribute__((target("pclmul,sse4.2"))) static __m128i carry(__m128i word, __m128i fold, __m128i there)
{
    __m128i low = _mm_clmulepi64_si128(word, fold, 0x00), high = _mm_clmulepi64_si128(word, fold, 0x11);
    return _mm_xor_si128(there, _mm_xor_si128(low, high));
}

/* All whole blocks of LANES words become one word with the same remainder; its bytes then go through the table. */
__attribute__((target("pclmul,sse4.2"))) static uint64_t crc64_step(uint64_t state, const unsigned char *at,
                                                                    uint64_t size)
{
    const __m128i far = _mm_set_epi64x((long long)fold_far[1], (long long)fold_far[0]);
    const __m128i near = _mm_set_epi64x((long long)fold_near[1], (long long)fold_near[0]);
    const __m128i *in = (const __m128i *)(const void *)at;
    const uint64_t blocks = size / (UINT64_C(16) * LANES);
    __m128i lane[LANES];
    unsigned char last[16];
    for (unsigned i = 0; i < LANES; i++)
        lane[i] = _mm_loadu_si128(in++);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi64_si128((long long)state));
    for (uint64_t block = 1; block < blocks; block++)
        for (unsigned i = 0; i < LANES; i++)
            lane[i] = carry(lane[i], far, _mm_loadu_si128(in++));
    for (unsigned i = 1; i < LANES; i++)
        lane[i] = carry(lane[i - 1], near, lane[i]);
    _mm_storeu_si128((__m128i *)(void *)last, lane[LANES - 1]);
    state = table_step(&functions[1], 0, last, sizeof(last));
    return table_step(&functions[1], state, (const unsigned char *)in, size % (UINT64_C(16) * LANES));
}

static uint64_t narrow_step(const struct function *f, uint64_t state, const unsigned char *at, uint64_t size)
{
    if (f == &functions[0])
        return crc32c_step(state, at, size);
    return size < UINT64_C(16) * LANES ? table_step(f, state, at, size) : crc64_step(state, at, size);
}

/* The same four words at a time: whole blocks of WIDE words become one block with the same remainder. */
__attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2"))) static uint64_t wide_step(const struct function *f,
                                                                                      uint64_t state,
                                                                                      const unsigned char *at,
                                                                                      uint64_t size)
{
    const __m512i fold =
        _mm512_broadcast_i32x4(_mm_set_epi64x((long long)f->fold_wide[1], (long long)f->fold_wide[0]));
    const uint64_t block_bytes = UINT64_C(16) * WIDE, blocks = size / block_bytes;
    const unsigned char *end = at + blocks * block_bytes;
    __m512i lane[WIDE / 4];
    unsigned char last[16 * WIDE];
    for (unsigned i = 0; i < WIDE / 4; i++, at += 64)
        lane[i] = _mm512_loadu_si512(at);
    lane[0] = _mm512_xor_si512(lane[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)state)));
    while (at < end)
        for (unsigned i = 0; i < WIDE / 4; i++, at += 64)
            lane[i] = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lane[i], fold, 0x00),
                                                _mm512_clmulepi64_epi128(lane[i], fold, 0x11),
                                                _mm512_loadu_si512(at), 0x96); /* a ^ b ^ c */
    memcpy(last, lane, sizeof(last));
    state = narrow_step(f, 0, last, sizeof(last));
    return narrow_step(f, state, end, size % block_bytes);
}
#endif

static uint64_t fast_step(const struct function *f, uint64_t state, const unsigned char *at, uint64_t size)
{
#if defined(__x86_64__)
    return by_wide_instruction && size >= UINT64_C(64) * WIDE ? wide_step(f, state, at, size)
                                                              : narrow_step(f, state, at, size);
#else
    return table_step(f, state, at, size);
#endif
}

/* ---- what others see ---------------------------------------------------------------------------------------------- */

uint64_t pfs_crc_by_table(uint32_t kind, uint64_t crc, const void *data, uint64_t size)
{
    const struct function *f = function_of(kind);
    return f ? table_step(f, crc ^ ones(f), data, size) ^ ones(f) : 0;
}

uint64_t pfs_crc(uint32_t kind, uint64_t crc, const void *data, uint64_t size)
{
    const struct function *f = function_of(kind);
    if (!f || !by_instruction)
        return pfs_crc_by_table(kind, crc, data, size);
    return fast_step(f, crc ^ ones(f), data, size) ^ ones(f);
}

uint64_t pfs_crc_join(uint32_t kind, uint64_t a, uint64_t b, uint64_t b_bytes)
{
    const struct function *f = function_of(kind);
    if (!f)
        return 0;
    return multiply(f, a, power(f, b_bytes * 8)) ^ b;
}

uint32_t polyfs_crc32c(uint32_t crc, const void *data, size_t size)
{
    return (uint32_t)pfs_crc(POLYFS_CHECKSUM_CRC32C, crc, data, size);
}

uint32_t polyfs_crc32c_join(uint32_t a, uint32_t b, uint64_t b_bytes)
{
    return (uint32_t)pfs_crc_join(POLYFS_CHECKSUM_CRC32C, a, b, b_bytes);
}
