// SPDX-License-Identifier: MIT
//
// RNDR (FEAT_RNG): Arm ARM (DDI 0487), D19.2 "RNDR, Random Number". A read that has no number sets
// the Z flag.
#include "hal/entropy.h"

#include "arch/aarch64/cpu.h"
#include "hal/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define TRIES 10u /* "within a reasonable period of time" it may have none */

static bool next_word(uint64_t *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t ok;
        __asm__ volatile(
            "mrs %0, s3_3_c2_c4_0\n\tcset %w1, ne" /* RNDR; the flags are its second result */
            : "=r"(*out), "=r"(ok)
            :
            : "cc");
        if (ok != 0) {
            return true;
        }
        hal_cpu_relax();
    }
    return false;
}

size_t hal_entropy(uint8_t *buf, size_t len)
{
    if (!cpu_has_rng()) {
        return 0;
    }
    /* A source that always returns the same word is broken and counts as none. */
    uint64_t last, word;
    if (!next_word(&last)) {
        return 0;
    }
    size_t done = 0;
    while (done < len && next_word(&word) && word != last) {
        size_t n = MIN(len - done, sizeof(word));
        memcpy(buf + done, &word, n);
        done += n;
        last = word;
    }
    return done;
}
