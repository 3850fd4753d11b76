// SPDX-License-Identifier: MIT
//
// SipHash's permutation (Aumasson and Bernstein, 2012) as a random pool: it absorbs words and
// produces words that reveal nothing of each other. For keys and addresses that are chosen before
// kernel/io/random.c runs, even with the MMU off and in 32-bit mode.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIP_WORDS       4
#define SIP_FINAL_TURNS 8

struct sip {
    uint64_t v[SIP_WORDS];
};

/* Add, rotate, xor. */
static inline void sip_turn(struct sip *s)
{
    uint64_t *v = s->v;
    v[0] += v[1];
    v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0];
    v[0] = v[0] << 32 | v[0] >> 32;
    v[2] += v[3];
    v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
    v[0] += v[3];
    v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
    v[2] += v[1];
    v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2];
    v[2] = v[2] << 32 | v[2] >> 32;
}

/** @brief Initialise a pool. Pools of different `domain` make different words of the same input. */
static inline void sip_begin(struct sip *s, uint64_t domain)
{
    s->v[0] = domain;
    for (unsigned i = 1; i < SIP_WORDS; i++) {
        s->v[i] = i + 1; /* an all-zero state would stay zero */
    }
}

static inline void sip_absorb(struct sip *s, uint64_t word)
{
    s->v[3] ^= word;
    sip_turn(s);
    sip_turn(s);
    s->v[0] ^= word;
}

static inline void sip_absorb_bytes(struct sip *s, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sip_absorb(s, bytes[i] | (uint64_t)len << 8);
    }
}

/** @brief Produce the next word. */
static inline uint64_t sip_word(struct sip *s)
{
    for (unsigned i = 0; i < SIP_FINAL_TURNS; i++) {
        sip_turn(s);
    }
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}
