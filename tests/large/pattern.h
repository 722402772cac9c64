/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of every object of these tests: each 8-byte word is made of the offset at which it stands, so bytes that are
 * lost, doubled or in another place do not fit. `every` is the distance between two such words: 8, or a page and more,
 * with zeros between them, for memory that costs next to nothing (pages never written are one page of zeros to the
 * kernel). Words stand at multiples of 8, in the machine's byte order; ranges may begin and end anywhere.
 */
#ifndef POLYFS_LARGE_PATTERN_H
#define POLYFS_LARGE_PATTERN_H

#include <stdint.h>
#include <string.h>

#define PATTERN_DENSE UINT64_C(8)
#define PATTERN_STEP UINT64_C(0x9e3779b97f4a7c15)    /* odd, so no two words are the same */
#define PATTERN_INVERSE UINT64_C(0xf1de83e19937733d) /* PATTERN_STEP * PATTERN_INVERSE is 1 */

/* The word at an offset, which is a multiple of 8. Never zero where one stands. */
static inline uint64_t pattern_word(uint64_t offset, uint64_t every)
{
    return offset % every ? 0 : (offset / 8 + 1) * PATTERN_STEP;
}

static inline unsigned char pattern_byte(uint64_t offset, uint64_t every)
{
    unsigned char bytes[8];
    uint64_t word = pattern_word(offset / 8 * 8, every);
    memcpy(bytes, &word, 8);
    return bytes[offset % 8];
}

static inline uint64_t pattern_load(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* Of a range: the bytes before its first whole word. */
static inline uint64_t pattern_head(uint64_t offset, uint64_t size)
{
    uint64_t head = (8 - offset % 8) % 8;
    return head < size ? head : size;
}

/* @zeroed: the memory holds zeros already, and pages without a word in them stay untouched. */
static inline void pattern_fill(unsigned char *to, uint64_t offset, uint64_t size, uint64_t every, int zeroed)
{
    uint64_t head = pattern_head(offset, size), at = head;
    for (uint64_t i = 0; i < head; i++)
        to[i] = pattern_byte(offset + i, every);
    if (every != PATTERN_DENSE && !zeroed)
        memset(to + head, 0, size - head);
    if (every != PATTERN_DENSE)
        at = (offset + head + every - 1) / every * every - offset;
    for (uint64_t word = pattern_word(offset + at, every); at + 8 <= size; at += every) {
        memcpy(to + at, &word, 8);
        word += every / 8 * PATTERN_STEP;
    }
    for (at = head + (size - head) / 8 * 8; at < size; at++)
        if (!zeroed || pattern_byte(offset + at, every))
            to[at] = pattern_byte(offset + at, every);
}

static inline int pattern_holds_dense(const unsigned char *words, uint64_t offset, uint64_t count)
{
    uint64_t wrong = 0, word = pattern_word(offset, PATTERN_DENSE);
    for (uint64_t i = 0; i < count; i++, word += PATTERN_STEP)
        wrong |= pattern_load(words + i * 8) ^ word;
    return !wrong;
}

/* One word of the pattern at most, in front; zeros behind it. */
static inline int pattern_holds_sparse(const unsigned char *words, uint64_t offset, uint64_t count, uint64_t every)
{
    uint64_t wrong = count ? pattern_load(words) ^ pattern_word(offset, every) : 0;
    for (uint64_t i = 1; i < count; i++)
        wrong |= pattern_load(words + i * 8);
    return !wrong;
}

/* 1 when these are the bytes at @offset. */
static inline int pattern_holds(const unsigned char *data, uint64_t offset, uint64_t size, uint64_t every)
{
    uint64_t head = pattern_head(offset, size), at = head;
    for (uint64_t i = 0; i < head; i++)
        if (data[i] != pattern_byte(offset + i, every))
            return 0;
    while (at + 8 <= size) {
        uint64_t left = (size - at) / 8,
                 block = every == PATTERN_DENSE ? 8192 : every / 8 - (offset + at) % every / 8;
        uint64_t count = block < left ? block : left;
        if (every == PATTERN_DENSE ? !pattern_holds_dense(data + at, offset + at, count)
                                   : !pattern_holds_sparse(data + at, offset + at, count, every))
            return 0;
        at += count * 8;
    }
    for (; at < size; at++)
        if (data[at] != pattern_byte(offset + at, every))
            return 0;
    return 1;
}

/* Where in an object such bytes stand, if they begin with a whole word; UINT64_MAX: they do not tell. */
static inline uint64_t pattern_offset(const unsigned char *data, uint64_t size)
{
    for (uint64_t at = 0; at + 8 <= size; at += 8)
        if (pattern_load(data + at))
            return (pattern_load(data + at) * PATTERN_INVERSE - 1) * 8 - at;
    return UINT64_MAX;
}

#endif
