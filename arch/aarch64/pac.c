// SPDX-License-Identifier: MIT
//
// Making the key; signing and checking are instructions of the compiler's and of asm.inc's. There
// is no second key: nothing of another privilege runs, and threads of one kernel share their code.
#include "arch/aarch64/pac.h"

#include "arch/aarch64/cpu.h"
#include "hal/entropy.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/string.h"

SYSREG_WRITE(s3_0_c2_c1_0) /* APIAKeyLo_EL1 */
SYSREG_WRITE(s3_0_c2_c1_1) /* APIAKeyHi_EL1 */

#define KEY_WORDS   2
#define STATE_WORDS 4
#define FINAL_TURNS 8

static uint64_t key[KEY_WORDS]; /* in memory for CPUs that start later */

/* One turn of SipHash's permutation (Aumasson and Bernstein, 2012): add, rotate, xor. */
static void turn(uint64_t v[STATE_WORDS])
{
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

static void absorb(uint64_t v[STATE_WORDS], uint64_t word)
{
    v[3] ^= word;
    turn(v);
    turn(v);
    v[0] ^= word;
}

static void absorb_bytes(uint64_t v[STATE_WORDS], const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        absorb(v, bytes[i] | (uint64_t)len << 8);
    }
}

void pac_make_key(const struct boot_seed *seed)
{
    if (!cpu_has_pac()) {
        return;
    }
    uint64_t v[STATE_WORDS] = {1, 2, 3, 4}; /* zeros would stay zeros */
    uint8_t random[16];
    absorb_bytes(v, random, hal_entropy(random, sizeof(random)));
    absorb_bytes(v, seed->bytes, seed->len);
    absorb(v, cpu_counter_at_entry());
    absorb(v, read_cntvct_el0());
    for (unsigned k = 0; k < KEY_WORDS; k++) {
        for (unsigned i = 0; i < FINAL_TURNS; i++) {
            turn(v);
        }
        key[k] = v[0] ^ v[1] ^ v[2] ^ v[3];
    }
}

void pac_load_key(void)
{
    if (cpu_has_pac()) {
        write_s3_0_c2_c1_0(key[0]);
        write_s3_0_c2_c1_1(key[1]);
    }
}
