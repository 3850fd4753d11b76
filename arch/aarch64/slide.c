// SPDX-License-Identifier: MIT
//
// Chooses where the image will be mapped, and relocates its addresses accordingly, with the MMU
// off. Code is position independent, so only data contain addresses. Each has 8 bytes and is
// aligned, because memory is Device memory so far.
#include "arch/aarch64/slide.h"

#include "arch/aarch64/cpu.h"
#include "boot/slide.h"
#include "hal/entropy.h"
#include "hal_arch/layout.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/sip.h"

#define DOMAIN  0x6c6c61 /* of the random pool */
#define SAMPLES 8u

uint64_t slide_choose(const struct boot_info *info)
{
#ifdef HALYARD_ADDRESS
    (void)info; /* the compiler has a fixed address for the shadow: docs/memory.md */
    return 0;
#else
    if (slide_is_off(info->cmdline, sizeof(info->cmdline))) {
        return 0;
    }
    struct sip s;
    uint8_t random[16];
    sip_begin(&s, DOMAIN);
    sip_absorb_bytes(&s, random, hal_entropy(random, sizeof(random)));
    sip_absorb_bytes(&s, info->seed.bytes, info->seed.len);
    sip_absorb(&s, cpu_counter_at_entry());
    for (unsigned i = 0; i < SAMPLES; i++) {
        sip_absorb(&s, read_cntvct_el0());
    }
    uint64_t place = sip_word(&s) % HAL_SLIDE_COUNT;
    return HAL_SLIDE_BASE + place * HAL_SLIDE_STEP - HAL_IMAGE_BASE;
#endif
}

void slide_apply(uintptr_t image, uint64_t slide)
{
    struct slide_cursor c = {.next = slide_table};
    if (slide == 0) {
        return;
    }
    while (slide_next(&c)) {
        *(uint64_t *)(image + c.at) += slide;
    }
}
