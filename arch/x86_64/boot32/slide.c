// SPDX-License-Identifier: MIT
//
// 32-bit start: chooses where the image will be mapped, and relocates its addresses.
//
// The image is in the top 2 GiB before and after, so every address in it, of 32 or 64 bits, changes
// only in its low 32 bits and without a carry. The gates of the interrupt table contain addresses
// in pieces; the relocation table lists the word whose upper half is the piece that changes.
#include "arch/x86_64/boot32/boot32.h"

#include "boot/multiboot2.h"
#include "boot/slide.h"
#include "hal_arch/layout.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/sip.h"

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)

#define DOMAIN  0x6c6c61 /* of the random pool */
#define WORDS   8u
#define TRIES   10u /* as in ../entropy.c */
#define SAMPLES 8u

static bool read_random(bool has_rdrand, uint32_t *out)
{
    bool ok = false;
    for (unsigned i = 0; i < TRIES && !ok; i++) {
        if (has_rdrand) {
            __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        } else {
            __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        }
    }
    return ok;
}

/* The CPU's random numbers. If a broken source repeats
 * a word, that adds nothing and does no harm. */
static void absorb_random(struct sip *s)
{
    bool has_rdrand = (cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) != 0;
    bool has_rdseed = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED) != 0;
    uint32_t word;
    for (unsigned i = 0; (has_rdrand || has_rdseed) && i < WORDS; i++) {
        if (read_random(has_rdrand, &word)) {
            sip_absorb(s, word);
        }
    }
}

/* The time at which the machine started, and how long a few fixed instructions take. */
static void absorb_times(struct sip *s, uint64_t entry_counter)
{
    sip_absorb(s, entry_counter);
    for (unsigned i = 0; i < SAMPLES; i++) {
        sip_absorb(s, read_tsc());
    }
}

static const void *map_firmware(void *ctx, uint64_t phys, size_t len)
{
    (void)ctx;
    bool is_reached = phys < HAL_BOOT_MMIO && len <= HAL_BOOT_MMIO - phys;
    return is_reached ? (const void *)(uintptr_t)phys : NULL;
}

static bool is_off(const struct early_handoff *handoff)
{
    const struct boot_mem mem = {.map = map_firmware};
    return handoff->magic == MULTIBOOT2_LOADER_MAGIC ? slide_is_off_multiboot2(&mem, handoff->info)
                                                     : slide_is_off_pvh(&mem, handoff->info);
}

uint32_t slide32_choose(const struct early_handoff *handoff)
{
#ifdef HALYARD_ADDRESS
    (void)is_off; /* the compiler has a fixed address for the shadow: docs/memory.md */
    (void)absorb_random;
    (void)absorb_times;
    (void)handoff;
    return 0;
#else
    if (is_off(handoff)) {
        return 0;
    }
    struct sip s;
    sip_begin(&s, DOMAIN);
    absorb_random(&s);
    absorb_times(&s, handoff->entry_counter);
    return (uint32_t)(sip_word(&s) % HAL_SLIDE_COUNT) * HAL_SLIDE_STEP;
#endif
}

void slide32_apply(uint32_t slide)
{
    struct PACKED word {
        uint32_t value;
    };
    struct slide_cursor c = {.next = slide_table};
    if (slide == 0) {
        return;
    }
    while (slide_next(&c)) {
        ((struct word *)(uintptr_t)c.at)->value += slide; /* offsets are physical addresses here */
    }
}
