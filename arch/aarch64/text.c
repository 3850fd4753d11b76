// SPDX-License-Identifier: MIT
//
// Jumps at patchable entries (hal/text.h). An entry is a nop, after the landing pad if there is
// one. NOP and B are among the instructions that may replace each other while other CPUs execute
// them: Arm ARM (DDI 0487, issues E.a and M.b), B2.2.5 "Concurrent modification and execution of
// instructions". Each CPU executes the old or the new one; after the cache maintenance and a
// context synchronisation event, the new one.
#include "hal/text.h"

#include "arch/aarch64/mmu.h"
#include "arch/aarch64/text.h"
#include "hal/cache.h"
#include "hal/calls.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/mmu.h"
#include "hal_arch/barrier.h"
#include "hal_arch/offsets.h"
#include "hal_arch/pte.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"

#define NOP   0xd503201fu
#define BTI_C 0xd503245fu
#define B     0x14000000u
#define B_MAX ((int64_t)1 << 27) /* bytes, in either direction */

struct hal_stub hal_stubs[HAL_STUBS];

STATIC_ASSERT(HAL_STUBS == STUBS && sizeof(struct hal_stub) == 1 << STUB_SHIFT, "text_stubs.S");
STATIC_ASSERT(offsetof(struct hal_stub, function) == STUB_FUNCTION, "text_stubs.S: function");
STATIC_ASSERT(offsetof(struct hal_context, calls) == CONTEXT_CALLS, "text_stubs.S: calls");
STATIC_ASSERT(offsetof(struct hal_calls, calls) == CALLS_FIRST, "text_stubs.S: calls");
STATIC_ASSERT(sizeof(struct hal_call) == CALL_SIZE, "text_stubs.S: size");
STATIC_ASSERT(sizeof(struct hal_call[HAL_CALLS_MAX]) == CALLS_SIZE, "text_stubs.S: all calls");

/* The CPU that writes uses these tables for its lower half, which is empty otherwise: text_alias,
 * one page that holds the instruction. They are the only mapping through which text can be
 * written; scripts/audit knows them by name. */
#define ALIAS ((vaddr_t)0x200000)
static _Alignas(PAGE_SIZE) uint64_t text_alias_root[PAGE_SIZE / 8];
static _Alignas(PAGE_SIZE) uint64_t text_alias_upper[2][PAGE_SIZE / 8];
static _Alignas(PAGE_SIZE) uint64_t text_alias_pages[PAGE_SIZE / 8];

static paddr_t frame_of(vaddr_t va)
{
    struct hal_mapping m;
    bool found = hal_mmu_query(va, &m);
    ASSERT(found);
    return paddr((m.base.raw + (va & (m.size - 1))) & ~(uint64_t)(PAGE_SIZE - 1));
}

/* Only a CPU that uses the alias's tables has anything in them. */
static void write_text(vaddr_t at, uint32_t word)
{
    irq_state_t state = hal_irq_save();
    text_alias_root[0] = hal_pte_table(frame_of((vaddr_t)text_alias_upper[0])).raw;
    text_alias_upper[0][0] = hal_pte_table(frame_of((vaddr_t)text_alias_upper[1])).raw;
    text_alias_upper[1][1] = hal_pte_table(frame_of((vaddr_t)text_alias_pages)).raw;
    uint64_t leaf = hal_pte_leaf(frame_of(at), 0, PROT_R | PROT_W, MEM_NORMAL).raw;
    volatile uint64_t *pages = text_alias_pages;

    write_ttbr0_el1(frame_of((vaddr_t)text_alias_root).raw);
    write_tcr_el1(mmu_tcr());
    pages[0] = leaf;
    dsb_ish(); /* the table walker sees the entries */
    isb();
    *(volatile uint32_t *)(ALIAS + (at & (PAGE_SIZE - 1))) = word;
    pages[0] = hal_pte_none().raw;
    dsb_ish();
    mmu_close_lower_half();
    hal_irq_restore(state);
    hal_icache_sync((const void *)at, sizeof(word));
}

vaddr_t hal_text_entry(vaddr_t function)
{
    const uint32_t *code = (const uint32_t *)function;
    code += code[0] == BTI_C ? 1 : 0;
    return *code == NOP ? (vaddr_t)code : 0;
}

vaddr_t hal_text_after(vaddr_t entry)
{
    return entry + sizeof(uint32_t);
}

vaddr_t hal_stub_address(unsigned i)
{
    return (vaddr_t)text_stubs + (vaddr_t)i * STUB_BYTES;
}

bool hal_text_reaches(vaddr_t entry, vaddr_t target)
{
    int64_t distance = (int64_t)(target - entry);
    return distance >= -B_MAX && distance < B_MAX;
}

static uint32_t branch(vaddr_t at, vaddr_t target)
{
    return B | ((uint32_t)(target - at) >> 2 & 0x3ffffff);
}

size_t hal_text_jump(vaddr_t at, vaddr_t target, uint8_t code[HAL_JUMP_MAX])
{
    uint32_t word = branch(at, target);
    memcpy(code, &word, sizeof(word));
    return hal_text_reaches(at, target) ? sizeof(word) : 0;
}

void hal_text_write(vaddr_t at, const uint8_t *code, size_t n)
{
    uint32_t word;
    ASSERT(n == sizeof(word));
    memcpy(&word, code, sizeof(word));
    write_text(at, word);
}

bool hal_text_step(vaddr_t entry, vaddr_t target, unsigned step)
{
    /* Twice: QEMU invalidates its translations before it stores, and keeps one of the old
     * instruction that was made in between until the next write. */
    write_text(entry, target == 0 ? NOP : branch(entry, target));
    return step == 0;
}
