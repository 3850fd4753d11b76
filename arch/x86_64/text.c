// SPDX-License-Identifier: MIT
//
// Jumps at patchable entries (hal/text.h). An entry is a nop of five bytes; a jump has five, too.
// Another CPU may be fetching them, and must never see a mixture: Intel SDM volume 3A, 8.1.3
// "Handling Self- and Cross-Modifying Code" in order number 253668-032US, whose chapter 8 newer
// editions count as 9 or more. So a breakpoint replaces the first byte, the rest follows while no
// CPU can get past it, and the first byte is last. After each of these steps every CPU executes a
// serialising instruction (smp_synchronise_fetch()).
//
// A CPU that meets the breakpoint continues where the entry led before: in the function itself, or
// in the patch or the stub to which the old jump led. If the breakpoint is not in memory any
// longer, the CPU continues as the bytes there say. QEMU invalidates its translations of code
// before it stores the new bytes: one made in between, from the old bytes, stays until the next
// write.
#include "hal/text.h"

#include "arch/x86_64/mmu.h"
#include "arch/x86_64/text.h"
#include "arch/x86_64/trap.h"
#include "hal/cache.h"
#include "hal/calls.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/mmu.h"
#include "hal_arch/offsets.h"
#include "hal_arch/pte.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define ENTRY_BYTES 5
#define BREAKPOINT  0xcc
#define JUMP        0xe9

struct hal_stub hal_stubs[HAL_STUBS];

STATIC_ASSERT(HAL_STUBS == STUBS && sizeof(struct hal_stub) == 1 << STUB_SHIFT, "text_stubs.S");
STATIC_ASSERT(offsetof(struct hal_stub, function) == STUB_FUNCTION, "text_stubs.S: function");
STATIC_ASSERT(offsetof(struct hal_cpu, current) == CPU_CURRENT, "text_stubs.S: current");
STATIC_ASSERT(offsetof(struct hal_context, calls) == CONTEXT_CALLS, "text_stubs.S: calls");
STATIC_ASSERT(offsetof(struct hal_calls, calls) == CALLS_FIRST, "text_stubs.S: calls");
STATIC_ASSERT(sizeof(struct hal_call) == CALL_SIZE, "text_stubs.S: size");
STATIC_ASSERT(sizeof(struct hal_call[HAL_CALLS_MAX]) == CALLS_SIZE, "text_stubs.S: all calls");

static const uint8_t nop[ENTRY_BYTES] = {0x0f, 0x1f, 0x44, 0x00, 0x08};

/* The CPU that writes switches to these tables: the kernel's half, and text_alias, two pages that
 * hold the bytes. They are the only mapping through which text can be written; scripts/audit knows
 * them by name. */
#define ALIAS ((vaddr_t)0x200000)
static _Alignas(PAGE_SIZE) uint64_t text_alias_root[PAGE_SIZE / 8];
static _Alignas(PAGE_SIZE) uint64_t text_alias_upper[2][PAGE_SIZE / 8];
static _Alignas(PAGE_SIZE) uint64_t text_alias_pages[PAGE_SIZE / 8];

/* The entry that is being changed, or 0, and where it led before. Release before the breakpoint is
 * written and after the last step, acquire by the handler on a CPU that met a breakpoint. `led_to`
 * is stored before `changing`, and stays until no CPU is in the handler. */
static _Atomic vaddr_t changing;
static vaddr_t led_to;

static vaddr_t target_at(vaddr_t entry)
{
    int32_t distance;
    memcpy(&distance, (const void *)(entry + 1), sizeof(distance));
    return entry + ENTRY_BYTES + (vaddr_t)(int64_t)distance;
}

/* Interrupts are masked here, so no step can end, and the next one cannot begin, before this CPU
 * has left. So if the first byte is a jump, the rest of it is right, too; and if it is a
 * breakpoint, the entry is still being changed when `changing` is read. The opposite order would
 * not do: the change could begin between the two reads. No other code has a nop or a jump where a
 * CPU met a breakpoint. Of a breakpoint that is there, only the first byte is read: the rest may
 * lie in a page that is not mapped. */
bool text_pass_breakpoint(struct hal_frame *frame)
{
    vaddr_t entry = frame->rip - 1;
    uint8_t code = *(const volatile uint8_t *)entry;
    if (code == JUMP) {
        frame->rip = target_at(entry);
    } else if (code == nop[0] && hal_text_entry(entry) != 0) {
        frame->rip = entry + ENTRY_BYTES;
    } else if (code == BREAKPOINT &&
               entry == atomic_load_explicit(&changing, memory_order_acquire)) {
        frame->rip = led_to;
    } else {
        return false;
    }
    return true;
}

static paddr_t frame_of(vaddr_t va)
{
    struct hal_mapping m;
    bool found = hal_mmu_query(va, &m);
    ASSERT(found);
    return paddr((m.base.raw + (va & (m.size - 1))) & ~(uint64_t)(PAGE_SIZE - 1));
}

static void forget(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static uint64_t leaf_of(vaddr_t va)
{
    return hal_pte_leaf(frame_of(va), 0, PROT_R | PROT_W, MEM_NORMAL).raw;
}

/* Only a CPU that uses the alias's tables has anything in them. */
static void write_text(vaddr_t at, const uint8_t *bytes, size_t n)
{
    irq_state_t state = hal_irq_save();
    paddr_t root = frame_of((vaddr_t)text_alias_root);
    text_alias_root[0] = hal_pte_table(frame_of((vaddr_t)text_alias_upper[0])).raw;
    text_alias_upper[0][0] = hal_pte_table(frame_of((vaddr_t)text_alias_upper[1])).raw;
    text_alias_upper[1][1] = hal_pte_table(frame_of((vaddr_t)text_alias_pages)).raw;
    mmu_copy_kernel_half(root);
    const uint64_t leaves[] = {leaf_of(at), leaf_of(at + n - 1)};
    volatile uint64_t *pages = text_alias_pages;
    volatile uint8_t *to = (volatile uint8_t *)(ALIAS + (at & (PAGE_SIZE - 1)));

    uintptr_t before = read_cr3();
    write_cr3(root.raw);
    pages[0] = leaves[0];
    pages[1] = leaves[1];
    for (size_t i = 0; i < n; i++) {
        to[i] = bytes[i];
    }
    pages[0] = pages[1] = hal_pte_none().raw;
    forget(ALIAS); /* all leaves are global: loading CR3 keeps them */
    forget(ALIAS + PAGE_SIZE);
    write_cr3(before);
    hal_irq_restore(state);
    hal_icache_sync((const void *)at, n);
}

vaddr_t hal_text_entry(vaddr_t function)
{
    return memcmp((const void *)function, nop, ENTRY_BYTES) == 0 ? function : 0;
}

vaddr_t hal_text_after(vaddr_t entry)
{
    return entry + ENTRY_BYTES;
}

vaddr_t hal_stub_address(unsigned i)
{
    return (vaddr_t)text_stubs + (vaddr_t)i * STUB_BYTES + (i < STUBS_NEAR ? 0 : STUB_HALFWAY);
}

bool hal_text_reaches(vaddr_t entry, vaddr_t target)
{
    int64_t distance = (int64_t)(target - entry - ENTRY_BYTES);
    return distance == (int32_t)distance;
}

static void encode(vaddr_t entry, vaddr_t target, uint8_t *code)
{
    int32_t distance = (int32_t)(target - entry - ENTRY_BYTES);
    memcpy(code, nop, ENTRY_BYTES);
    if (target != 0) {
        code[0] = JUMP;
        memcpy(code + 1, &distance, sizeof(distance));
    }
}

size_t hal_text_jump(vaddr_t at, vaddr_t target, uint8_t code[HAL_JUMP_MAX])
{
    encode(at, target, code);
    return hal_text_reaches(at, target) ? ENTRY_BYTES : 0;
}

void hal_text_write(vaddr_t at, const uint8_t *code, size_t n)
{
    write_text(at, code, n);
}

bool hal_text_step(vaddr_t entry, vaddr_t target, unsigned step)
{
    static const uint8_t breakpoint = BREAKPOINT;
    uint8_t code[ENTRY_BYTES];
    encode(entry, target, code);
    switch (step) {
    case 0:
        led_to = hal_text_entry(entry) != 0 ? hal_text_after(entry) : target_at(entry);
        atomic_store_explicit(&changing, entry,
                              memory_order_release); /* pairs with text_pass_breakpoint() */
        write_text(entry, &breakpoint, 1);
        return true;
    case 1:
        write_text(entry + 1, code + 1, ENTRY_BYTES - 1);
        return true;
    case 2:
    case 3: /* again, so that QEMU drops a translation of the breakpoint: it would trap each call */
        write_text(entry, code, 1);
        return true;
    default:
        atomic_store_explicit(&changing, 0, memory_order_release);
        return false;
    }
}
