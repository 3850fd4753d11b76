// SPDX-License-Identifier: MIT
//
// The runtime of AddressSanitizer; see asan.h. LLVM 14's AddressSanitizer.cpp defines what the
// compiler expects with -fsanitize=kernel-address: calls before each access, and stores to the
// shadow of its own stack frames. So wherever a stack can be, shadow must be mapped: for the image
// it is a part of .bss (placed by the linker script), for ranges it is mapped on demand.

#include "kernel/mm/asan.h"

#ifdef HALYARD_ADDRESS

#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/panic.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/access_check.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

#define GRAIN ((uintptr_t)8) /* bytes described by one byte of shadow */

/* Shadow for the first ranges is mapped at start, in few large runs. */
#define RANGES_AT_FIRST ((uint64_t)256 << 20)

/* LLVM's values for the fences of stack frames, for variables out of scope, and for the
 * fences of globals. */
enum {
    STACK_LEFT = 0xf1,
    STACK_MIDDLE = 0xf2,
    STACK_RIGHT = 0xf3,
    STACK_AFTER_RETURN = 0xf5,
    STACK_OUT_OF_SCOPE = 0xf8,
    GLOBAL_FENCE = 0xf9,
};

/** Layout as LLVM emits it. */
struct global {
    const char *address;
    size_t size, size_with_fence;
    const char *name, *module;
    uintptr_t has_initialiser;
    const void *place;
    uintptr_t odr;
};

static ALWAYS_INLINE bool is_on(void)
{
    return access_check != NULL;
}

/** Registered globals, one entry for each object file. */
static struct {
    const struct global *all;
    size_t count;
} files[1024];
static size_t file_count;

static uint8_t *shadow_of(uintptr_t at)
{
    return (uint8_t *)(at / GRAIN + HALYARD_ASAN_OFFSET);
}

/** Only the kernel's own memory has shadow; a program's memory has none. */
static bool has_shadow(uintptr_t at)
{
    const struct hal_region_range *vm = &hal_layout.region[HAL_REGION_VM];
    return at - HAL_IMAGE_BASE < HALYARD_ASAN_IMAGE || at - HAL_DIRECT_BASE < HAL_DIRECT_SIZE ||
           at - vm->base < vm->size;
}

/* --- mapping shadow --- */

/* Map at most `pages` pages of zero shadow in one run, as large as available. Returns the number of
 * pages; 0: out of memory. */
static size_t map_some(vaddr_t va, size_t pages)
{
    unsigned order = MIN(63u - (unsigned)__builtin_clzll(pages), PAGE_ORDER_MAX + 0u);
    paddr_t base;
    while (page_alloc_any(order, PAGE_META, &base) != OK) {
        if (order-- == 0) {
            return 0;
        }
    }
    memset(hal_direct(base), 0, PAGE_SIZE << order);
    enum status s = vm_map_shadow(va, base, (size_t)1 << order);
    if (s != OK) {
        page_free_any(base, order);
        /* Another CPU has mapped a part of it: continue page by page; pages that are
         * mapped are fine. */
        return s != E_EXIST ? 0 : order == 0 ? 1 : map_some(va, 1);
    }
    return (size_t)1 << order;
}

/* Only maps pages that are missing, and counts E_EXIST as success, so CPUs may run it concurrently
 * for overlapping ranges without a lock of its own. */
bool asan_cover(uint64_t va, uint64_t bytes)
{
    struct hal_mapping m;
    vaddr_t at = ALIGN_DOWN((uintptr_t)shadow_of(va), PAGE_SIZE);
    vaddr_t end = ALIGN_UP((uintptr_t)shadow_of(va + (bytes - 1)) + 1, PAGE_SIZE);
    while (at < end) {
        if (hal_mmu_query(at, &m)) {
            at = ALIGN_DOWN(at, m.size) + m.size;
            continue;
        }
        vaddr_t hole = at;
        while (hole < end && !hal_mmu_query(hole, &m)) {
            hole += PAGE_SIZE;
        }
        for (size_t got; at < hole; at += got * PAGE_SIZE) {
            got = map_some(at, (hole - at) / PAGE_SIZE);
            if (got == 0) {
                return false;
            }
        }
    }
    return true;
}

bool asan_touch(uint64_t va)
{
    const struct hal_region_range *r = &hal_layout.region[HAL_REGION_SHADOW];
    uint64_t described = (ALIGN_DOWN(va, PAGE_SIZE) - HALYARD_ASAN_OFFSET) * GRAIN;
    return is_on() && va - r->base < r->size && has_shadow(described) && asan_cover(described, 1);
}

static void cover_mapping(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)m;
    bool *ok = ctx;
    if (va - HAL_DIRECT_BASE < HAL_DIRECT_SIZE) {
        *ok &= asan_cover(va, size);
    }
}

/* --- poison --- */

void asan_poison(const void *p, size_t len, enum asan_kind kind)
{
    uintptr_t first = ALIGN_UP((uintptr_t)p, GRAIN), end = ALIGN_DOWN((uintptr_t)p + len, GRAIN);
    if (is_on() && first < end && has_shadow(first)) {
        memset(shadow_of(first), (int)kind, (end - first) / GRAIN);
        if ((uintptr_t)p < first) { /* the first bytes of the piece stay usable */
            *shadow_of((uintptr_t)p) = (uint8_t)((uintptr_t)p % GRAIN);
        }
    }
}

void asan_unpoison(const void *p, size_t len)
{
    uintptr_t at = (uintptr_t)p;
    if (is_on() && len > 0 && has_shadow(at)) {
        memset(shadow_of(at), 0, len / GRAIN);
        if (len % GRAIN != 0) {
            *shadow_of(at + len) = (uint8_t)(len % GRAIN);
        }
    }
}

/* --- checks --- */

/** The first byte that must not be accessed, or 0. */
static uintptr_t first_poisoned(uintptr_t at, size_t len)
{
    uintptr_t last = at + (len - 1);
    for (uintptr_t piece = ALIGN_DOWN(at, GRAIN); piece <= last; piece += GRAIN) {
        uint8_t shadow = *shadow_of(piece);
        if (UNLIKELY(shadow != 0)) {
            uintptr_t usable = piece + (shadow < GRAIN ? shadow : 0);
            if (MIN(last, piece + (GRAIN - 1)) >= usable) {
                return MAX(at, usable);
            }
        }
    }
    return 0;
}

static const char *kind_name(uint8_t shadow)
{
    switch (shadow) {
    case ASAN_HEAP_FENCE:
        return "outside of an object of the heap";
    case ASAN_HEAP_FREED:
        return "in a freed object";
    case ASAN_PAGE_FREED:
        return "in a free page";
    case STACK_LEFT:
    case STACK_MIDDLE:
    case STACK_RIGHT:
        return "outside of a variable on the stack";
    case STACK_AFTER_RETURN:
    case STACK_OUT_OF_SCOPE:
        return "in a variable that is out of scope";
    case GLOBAL_FENCE:
        return "outside of a global variable";
    default:
        return "in memory that may not be accessed";
    }
}

struct finding {
    uintptr_t at;
    uint8_t kind;
};

static const struct global *find_global(uintptr_t at)
{
    for (size_t i = 0; i < file_count; i++) {
        for (size_t k = 0; k < files[i].count; k++) {
            const struct global *g = &files[i].all[k];
            if (at - (uintptr_t)g->address < g->size_with_fence) {
                return g;
            }
        }
    }
    return NULL;
}

static void explain_global(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at)
{
    const struct global *g = find_global(at);
    if (g != NULL) {
        char line[160];
        fmt_print(line, sizeof(line), "at +%zu of \"%s\", %zu bytes, in %s",
                  (size_t)(at - (uintptr_t)g->address), g->name, g->size, g->module);
        write(ctx, line);
    }
}

static void explain(void (*write)(void *ctx, const char *line), void *ctx, const void *arg)
{
    const struct finding *f = arg;
    if (f->kind == GLOBAL_FENCE) {
        explain_global(write, ctx, f->at);
    } else if (f->kind == ASAN_HEAP_FENCE || f->kind == ASAN_HEAP_FREED) {
        heap_debug_explain(write, ctx, f->at);
    }
}

static NOINLINE void report(uintptr_t at, size_t len, bool is_write, uintptr_t bad)
{
    const uint8_t *s = shadow_of(bad);
    /* for a piece that is partly usable, the next piece has the kind */
    uint8_t kind = *s < GRAIN ? s[1] : *s;
    struct finding f = {.at = bad, .kind = kind};
    access_check_stop();
    panic_explained(explain, &f, "address: %s of %zu bytes at 0x%zx, %s",
                    is_write ? "a write" : "a read", len, at, kind_name(kind));
}

static ALWAYS_INLINE void check(uintptr_t at, size_t len, bool is_write)
{
    if (LIKELY(is_on()) && len > 0 && has_shadow(at)) {
        uintptr_t bad = first_poisoned(at, len);
        if (UNLIKELY(bad != 0)) {
            report(at, len, is_write, bad);
        }
    }
}

static void check_range(const void *p, size_t len, bool is_write, const void *pc)
{
    (void)pc;
    check((uintptr_t)p, len, is_write);
}

/* --- called by compiled code --- */

#define ACCESS(size)                                                                               \
    void __asan_load##size##_noabort(uintptr_t at);                                                \
    void __asan_load##size##_noabort(uintptr_t at)                                                 \
    {                                                                                              \
        check(at, size, false);                                                                    \
    }                                                                                              \
    void __asan_store##size##_noabort(uintptr_t at);                                               \
    void __asan_store##size##_noabort(uintptr_t at)                                                \
    {                                                                                              \
        check(at, size, true);                                                                     \
    }

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN_noabort(uintptr_t at, size_t len);
void __asan_loadN_noabort(uintptr_t at, size_t len)
{
    check(at, len, false);
}

void __asan_storeN_noabort(uintptr_t at, size_t len);
void __asan_storeN_noabort(uintptr_t at, size_t len)
{
    check(at, len, true);
}

#define SET_SHADOW(value)                                                                          \
    void __asan_set_shadow_##value(uintptr_t shadow, size_t len);                                  \
    void __asan_set_shadow_##value(uintptr_t shadow, size_t len)                                   \
    {                                                                                              \
        memset((void *)shadow, 0x##value, len);                                                    \
    }

SET_SHADOW(00)
SET_SHADOW(f1)
SET_SHADOW(f2)
SET_SHADOW(f3)
SET_SHADOW(f5)
SET_SHADOW(f8)

/* Frames up to here end without their epilogues, which would have unpoisoned them. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
    uintptr_t lo, hi, here = (uintptr_t)__builtin_frame_address(0);
    upcall_stack_bounds(&lo, &hi);
    if (here - lo < hi - lo && has_shadow(here)) {
        here = ALIGN_DOWN(here, GRAIN);
        memset(shadow_of(here), 0, (hi - here) / GRAIN);
    }
}

void __asan_register_globals(const struct global *all, size_t count);
void __asan_register_globals(const struct global *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct global *g = &all[i];
        asan_unpoison(g->address, g->size);
        size_t whole = ALIGN_UP(g->size, (size_t)GRAIN);
        asan_poison(g->address + whole, g->size_with_fence - whole, (enum asan_kind)GLOBAL_FENCE);
    }
    if (file_count < ARRAY_COUNT(files)) {
        files[file_count].all = all;
        files[file_count++].count = count;
    }
}

void __asan_unregister_globals(const struct global *all, size_t count);
void __asan_unregister_globals(const struct global *all, size_t count)
{
    (void)all;
    (void)count;
}

typedef void (*constructor_fn)(void);
extern constructor_fn __constructors_start[], __constructors_end[];

void asan_open(void)
{
    bool ok = true;
    hal_mmu_walk(cover_mapping, &ok);
    ok = ok && asan_cover(hal_layout.region[HAL_REGION_VM].base, RANGES_AT_FIRST);
    if (!ok) {
        panic("address: no memory for the shadow of memory");
    }
    access_check = check_range;
    for (constructor_fn *fn = __constructors_start; fn < __constructors_end; fn++) {
        (*fn)();
    }
}

#endif
