// SPDX-License-Identifier: MIT
//
// ChaCha20 as in RFC 8439: no branch and no address depends on the key.
#include "kernel/lib/chacha20.h"

#include "kernel/lib/endian.h"

#define WORDS         16u
#define DOUBLE_ROUNDS 10u

static uint32_t rotate_left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

/* 2.1 */
static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate_left(*d ^ *a, 16);
    *c += *d;
    *b = rotate_left(*b ^ *c, 12);
    *a += *b;
    *d = rotate_left(*d ^ *a, 8);
    *c += *d;
    *b = rotate_left(*b ^ *c, 7);
}

/* 2.3: columns, then diagonals */
static void double_round(uint32_t w[WORDS])
{
    for (unsigned i = 0; i < 4; i++) {
        quarter_round(&w[i], &w[4 + i], &w[8 + i], &w[12 + i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        quarter_round(&w[i], &w[4 + (i + 1) % 4], &w[8 + (i + 2) % 4], &w[12 + (i + 3) % 4]);
    }
}

/* The words of the result are the sum of the permuted and the original state. Without that sum the
 * rounds could be run backwards, down to the key. */
void chacha20_block(const uint8_t key[CHACHA20_KEY_BYTES], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES], uint8_t out[CHACHA20_BLOCK_BYTES])
{
    uint32_t start[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* 2.3 */
    for (unsigned i = 0; i < 8; i++) {
        start[4 + i] = load_le32(key + 4 * i);
    }
    start[12] = counter;
    for (unsigned i = 0; i < 3; i++) {
        start[13 + i] = load_le32(nonce + 4 * i);
    }
    uint32_t w[WORDS];
    for (unsigned i = 0; i < WORDS; i++) {
        w[i] = start[i];
    }
    for (unsigned i = 0; i < DOUBLE_ROUNDS; i++) {
        double_round(w);
    }
    for (unsigned i = 0; i < WORDS; i++) {
        store_le32(out + 4 * i, w[i] + start[i]);
    }
}
