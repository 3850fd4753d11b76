// SPDX-License-Identifier: MIT
//
// Debug builds: fill frames with a pattern when they are freed and check it when they are
// allocated. The first and last words of a frame mark it as filled, so memory that was not used
// since boot is not touched.

#include "kernel/mm/page_internal.h"

#ifdef HALYARD_DEBUG

#include "hal/cpu.h"
#include "kernel/mm/asan.h"

#define STALE UINT64_C(0xdededededededede) /* as an address it is invalid on both machines */
#define WORDS (PAGE_SIZE / sizeof(uint64_t))

static uint64_t secret; /* [I] different in each boot: memory survives a reset */

void page_poison_init(void)
{
    secret = (hal_counter_read() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

/** The value at both ends of a frame that was filled. */
static uint64_t mark_of(const uint64_t *frame)
{
    return secret ^ (uint64_t)(uintptr_t)frame;
}

static void fill(uint64_t *frame)
{
    for (unsigned i = 1; i + 1 < WORDS; i++) {
        frame[i] = STALE;
    }
    frame[0] = frame[WORDS - 1] = mark_of(frame);
}

static void check(uint64_t *frame)
{
    /* If only one mark is left, the other was overwritten, which the loop below reports. If
     * both are gone, the frame was never filled (or both ends were overwritten, which cannot be
     * told apart). */
    bool first = frame[0] == mark_of(frame), last = frame[WORDS - 1] == mark_of(frame);
    if (!first && !last) {
        return;
    }
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t expected = i == 0 || i == WORDS - 1 ? mark_of(frame) : STALE;
        if (frame[i] != expected) {
            panic("page: frame 0x%llx was written to while it was free: 0x%016llx at +%u",
                  (unsigned long long)hal_direct_to_phys(frame).raw, (unsigned long long)frame[i],
                  i * (unsigned)sizeof(uint64_t));
        }
    }
    frame[0] = frame[WORDS - 1] = STALE;
}

void page_poison_given(paddr_t base, unsigned order)
{
    for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
        void *frame = hal_direct(paddr_add(base, i << PAGE_SHIFT));
        fill(frame);
        asan_poison(frame, PAGE_SIZE, ASAN_PAGE_FREED);
    }
}

void page_poison_taken(paddr_t base, size_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        void *frame = hal_direct(paddr_add(base, i << PAGE_SHIFT));
        asan_unpoison(frame, PAGE_SIZE);
        check(frame);
    }
}

#endif
