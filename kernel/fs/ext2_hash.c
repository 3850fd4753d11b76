// SPDX-License-Identifier: MIT
//
// Hashes of names, as the indices of ext3's directories use them. ext2_index.c has the indices.
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* Layout: the kernel documentation's "ext4 Data Structures and Algorithms", of which ext3 is a
 * subset; there "Hash Tree Directories" and "The Hash". Names are taken as signed or unsigned
 * characters, as the superblock says. */

enum {
    HASH_LEGACY = 0,
    HASH_HALF_MD4 = 1,
    HASH_TEA = 2,
    MD4_WORDS = 8, /* of a name in a step */
    TEA_WORDS = 4,
};

static uint32_t rotate(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

/* ---- The three functions ---- */

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) + ((x ^ y) & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* MD4 with half of its steps: three rounds, which differ in their function, their constant, their
 * shifts, and the order in which they take the words. */
static void half_md4(uint32_t state[4], const uint32_t words[MD4_WORDS])
{
    static const struct {
        uint32_t (*mix)(uint32_t x, uint32_t y, uint32_t z);
        uint32_t constant;
        uint8_t shifts[4], order[MD4_WORDS];
    } rounds[] = {
        {choose, 0, {3, 7, 11, 19}, {0, 1, 2, 3, 4, 5, 6, 7}},
        {majority, 0x5a827999, {3, 5, 9, 13}, {1, 3, 5, 7, 0, 2, 4, 6}},
        {parity, 0x6ed9eba1, {3, 9, 11, 15}, {3, 7, 2, 6, 1, 5, 0, 4}},
    };
    uint32_t s[4] = {state[0], state[1], state[2], state[3]};
    for (size_t r = 0; r < ARRAY_COUNT(rounds); r++) {
        for (unsigned i = 0; i < MD4_WORDS; i++) {
            /* a, then d, c and b */
            uint32_t *a = &s[(4 - i % 4) % 4], b = s[(5 - i % 4) % 4], c = s[(6 - i % 4) % 4],
                     d = s[(7 - i % 4) % 4];
            *a += rounds[r].mix(b, c, d) + words[rounds[r].order[i]] + rounds[r].constant;
            *a = rotate(*a, rounds[r].shifts[i % 4]);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        state[i] += s[i];
    }
}

static void tea(uint32_t state[4], const uint32_t words[TEA_WORDS])
{
    uint32_t sum = 0, x = state[0], y = state[1];
    for (unsigned i = 0; i < 16; i++) {
        sum += 0x9e3779b9;
        x += ((y << 4) + words[0]) ^ (y + sum) ^ ((y >> 5) + words[1]);
        y += ((x << 4) + words[2]) ^ (x + sum) ^ ((x >> 5) + words[3]);
    }
    state[0] += x;
    state[1] += y;
}

/* A character as a number that is added. */
static uint32_t character(const struct ext2 *e, char c)
{
    return e->hash_is_unsigned ? (uint32_t)(uint8_t)c : (uint32_t)(int32_t)(int8_t)c;
}

static uint32_t legacy(const struct ext2 *e, const char *name, size_t len)
{
    uint32_t last = 0x12a3fe2d, before = 0x37abe8f9;
    for (size_t i = 0; i < len; i++) {
        uint32_t hash = before + (last ^ character(e, name[i]) * 7152373u);
        hash -= (hash & 0x80000000u) != 0 ? 0x7fffffffu : 0;
        before = last;
        last = hash;
    }
    return last << 1;
}

/* ---- Names ---- */

/* Words from what is left of a name. The rest of them repeats its length. */
static void take_words(const struct ext2 *e, const char *name, size_t left, uint32_t *out,
                       unsigned count)
{
    uint32_t fill = (uint32_t)left | (uint32_t)left << 8;
    fill |= fill << 16;
    for (unsigned i = 0; i < count; i++) {
        out[i] = fill;
        for (size_t at = 4 * (size_t)i; at < MIN(left, 4 * (size_t)i + 4); at++) {
            out[i] = character(e, name[at]) + (out[i] << 8);
        }
    }
}

static uint32_t by_steps(const struct ext2 *e, const char *name, size_t len, bool is_tea)
{
    uint32_t words[MD4_WORDS];
    uint32_t state[4];
    unsigned count = is_tea ? TEA_WORDS : MD4_WORDS;
    memcpy(state, e->hash_seed, sizeof(state));
    for (size_t at = 0; at < len; at += 4 * (size_t)count) {
        take_words(e, name + at, len - at, words, count);
        (is_tea ? tea : half_md4)(state, words);
    }
    return is_tea ? state[0] : state[1];
}

void ext2_read_hash(struct ext2 *e, const uint8_t *seed, uint32_t version, bool is_unsigned)
{
    static const uint32_t usual[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint32_t any = 0;
    for (unsigned i = 0; i < 4; i++) {
        e->hash_seed[i] = load_le32(seed + (size_t)i * 4);
        any |= e->hash_seed[i];
    }
    if (any == 0) {
        memcpy(e->hash_seed, usual, sizeof(usual));
    }
    e->hash_version = version;
    e->hash_is_unsigned = is_unsigned;
}

bool ext2_is_hash_known(uint32_t version)
{
    return version <= HASH_TEA;
}

/* The lowest bit has another use in an index, and the largest hash means the end. */
uint32_t ext2_hash(const struct ext2 *e, uint32_t version, const char *name, size_t len)
{
    uint32_t hash =
        version == HASH_LEGACY ? legacy(e, name, len) : by_steps(e, name, len, version == HASH_TEA);
    hash &= ~1u;
    return hash == 0xfffffffeu ? 0xfffffffcu : hash;
}
