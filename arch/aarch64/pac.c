// SPDX-License-Identifier: MIT
//
// Makes the key. Signing and checking are done by instructions from the compiler and from asm.inc.
// There is no second key: no code of another privilege runs here, and the threads of one kernel
// share their code.
#include "arch/aarch64/pac.h"

#include "arch/aarch64/cpu.h"
#include "hal/entropy.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/sip.h"

SYSREG_WRITE(s3_0_c2_c1_0) /* APIAKeyLo_EL1 */
SYSREG_WRITE(s3_0_c2_c1_1) /* APIAKeyHi_EL1 */

#define KEY_WORDS 2

static uint64_t key[KEY_WORDS]; /* kept in memory for CPUs that start later */

void pac_make_key(const struct boot_seed *seed)
{
    if (!cpu_has_pac()) {
        return;
    }
    struct sip s;
    uint8_t random[16];
    sip_begin(&s, 1);
    sip_absorb_bytes(&s, random, hal_entropy(random, sizeof(random)));
    sip_absorb_bytes(&s, seed->bytes, seed->len);
    sip_absorb(&s, cpu_counter_at_entry());
    sip_absorb(&s, read_cntvct_el0());
    for (unsigned k = 0; k < KEY_WORDS; k++) {
        key[k] = sip_word(&s);
    }
}

void pac_load_key(void)
{
    if (cpu_has_pac()) {
        write_s3_0_c2_c1_0(key[0]);
        write_s3_0_c2_c1_1(key[1]);
    }
}
