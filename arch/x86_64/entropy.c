// SPDX-License-Identifier: MIT
//
// RDSEED, or RDRAND if there is none: Intel SDM volume 1, 7.3.17.
#include "hal/entropy.h"

#include "arch/x86_64/cpu.h"
#include "hal/cpu.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* SDM volume 1, 7.3.17.1: ten attempts distinguish an empty source from a broken one. RDSEED runs
 * empty sooner, and needs a pause. */
#define TRIES 10u

static bool next_word(uint64_t *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        bool ok;
        if (cpu_features()->rdseed) {
            __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        } else {
            __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        }
        if (ok) {
            return true;
        }
        hal_cpu_relax();
    }
    return false;
}

size_t hal_entropy(uint8_t *buf, size_t len)
{
    if (!cpu_features()->rdrand && !cpu_features()->rdseed) {
        return 0;
    }
    /* Some CPUs return the same word forever after sleep
     * (AMD family 15h): that counts as no source. */
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
