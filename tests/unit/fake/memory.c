// SPDX-License-Identifier: MIT
//
// The fake machine's memory: RAM is one file, mapped in the direct map and by every hal_mmu_map().
// The host's MMU enforces the rights: a store to a read-only page is a SIGSEGV.

#define _GNU_SOURCE

#include "fake/fake.h"

#include "hal/mmu.h"
#include "hal/trap.h"
#include "kernel/lib/compiler.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define TIB          ((uint64_t)1 << 40)
#define VM_BASE      UINT64_C(0x210000000000)
#define PROGRAM_BASE UINT64_C(0x220000000000)
#define SHADOW_BASE  UINT64_C(0x230000000000)
#define CODE_BASE    UINT64_C(0x240001000000)

#define MAPPINGS_MAX 65536

/** One mapped page. */
struct mapping {
    vaddr_t va;
    paddr_t pa;
    unsigned prot;
    enum mem_type type;
};

const struct hal_layout hal_layout = {
    .region =
        {
            [HAL_REGION_USER] = {"user", 0, 0x10000},
            [HAL_REGION_DIRECT] = {"direct", HAL_DIRECT_BASE, HAL_DIRECT_SIZE},
            [HAL_REGION_VM] = {"vm", VM_BASE, TIB},
            [HAL_REGION_PROGRAM] = {"program", PROGRAM_BASE, TIB},
            [HAL_REGION_SHADOW] = {"shadow", SHADOW_BASE, TIB},
            [HAL_REGION_IMAGE] = {"image", HAL_IMAGE_BASE, UINT64_C(1) << 24},
            [HAL_REGION_CODE] = {"code", CODE_BASE, UINT64_C(1) << 26},
        },
    .code_reach = UINT64_C(1) << 27,
};

int fake_mmu_maps_left = -1;

#define PHYSICAL_MAX (((uint64_t)1 << 44) - 1)
uint64_t fake_physical_max = PHYSICAL_MAX;

static int ram = -1;
static struct mapping mappings[MAPPINGS_MAX]; /* unordered */
static size_t mapping_count;
/* Mappings by the low bits of their page number: most pages that are looked for are not mapped. */
static uint32_t mapped_like[4096];
static bool hidden[FAKE_RAM_SIZE / PAGE_SIZE]; /* frames that are unmapped from the direct map */

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static void open_ram(void)
{
    ram = memfd_create("fake-ram", 0);
    must(ram >= 0 && ftruncate(ram, FAKE_RAM_SIZE) == 0, "RAM of the fake machine");
    void *direct = hal_direct(paddr(FAKE_RAM_BASE));
    must(mmap(direct, FAKE_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, ram,
              0) == direct,
         "direct map of the fake machine");
}

static uint32_t *like(vaddr_t va)
{
    return &mapped_like[va / PAGE_SIZE % ARRAY_COUNT(mapped_like)];
}

void fake_memory_reset(void)
{
    if (ram < 0) {
        open_ram();
    }
    for (size_t i = 0; i < mapping_count; i++) {
        must(munmap((void *)mappings[i].va, PAGE_SIZE) == 0, "munmap");
    }
    mapping_count = 0;
    memset(mapped_like, 0, sizeof(mapped_like));
    fake_mmu_maps_left = -1;
    fake_physical_max = PHYSICAL_MAX;
    memset(hidden, 0, sizeof(hidden));
    must(mprotect(hal_direct(paddr(FAKE_RAM_BASE)), FAKE_RAM_SIZE, PROT_READ | PROT_WRITE) == 0,
         "direct map");
    /* Holes read as zero, and use no memory until they are touched. */
    must(madvise(hal_direct(paddr(FAKE_RAM_BASE)), FAKE_RAM_SIZE, MADV_REMOVE) == 0, "madvise");
}

void hal_mmu_init(const struct boot_info *info, uint64_t direct_base)
{
    (void)info;
    hal_direct_base = direct_base;
    fake_memory_reset();
}

static struct mapping *find(vaddr_t va)
{
    if (*like(va) == 0) {
        return NULL;
    }
    for (size_t i = 0; i < mapping_count; i++) {
        if (mappings[i].va == va) {
            return &mappings[i];
        }
    }
    return NULL;
}

static int host_protection(unsigned prot)
{
    return ((prot & PROT_R) ? PROT_READ : 0) | ((prot & PROT_W) ? PROT_WRITE : 0) |
           ((prot & PROT_X) ? PROT_EXEC : 0);
}

static bool in_ram(paddr_t pa, size_t pages)
{
    return pa.raw >= FAKE_RAM_BASE && pages <= FAKE_RAM_SIZE / PAGE_SIZE &&
           pa.raw - FAKE_RAM_BASE <= FAKE_RAM_SIZE - pages * PAGE_SIZE;
}

/* RAM's place in the direct map is always reserved; accessing a frame
 * that is unmapped there faults. */
static bool in_direct_map(vaddr_t va)
{
    return va - (HAL_DIRECT_BASE + FAKE_RAM_BASE) < FAKE_RAM_SIZE;
}

static bool *is_hidden(vaddr_t va)
{
    return &hidden[(va - (HAL_DIRECT_BASE + FAKE_RAM_BASE)) / PAGE_SIZE];
}

static enum status set_hidden(vaddr_t va, size_t pages, bool hide)
{
    for (size_t i = 0; i < pages; i++) {
        if (!hide && !*is_hidden(va + i * PAGE_SIZE)) {
            return E_EXIST;
        }
    }
    for (size_t i = 0; i < pages; i++) {
        *is_hidden(va + i * PAGE_SIZE) = hide;
    }
    must(mprotect((void *)va, pages * PAGE_SIZE, hide ? PROT_NONE : PROT_READ | PROT_WRITE) == 0,
         "direct map");
    return OK;
}

uint64_t hal_mmu_physical_max(void)
{
    return fake_physical_max;
}

static bool is_reached(paddr_t pa, size_t pages)
{
    return pa.raw <= fake_physical_max && pages - 1 <= (fake_physical_max - pa.raw) >> PAGE_SHIFT;
}

/* An access to a lazily mapped page maps it permanently, as in a kernel. */
static struct sigaction others;

static void on_fault(int number, siginfo_t *info, void *context)
{
    if (hal_mmu_touch((vaddr_t)(uintptr_t)info->si_addr, 16)) {
        return;
    }
    if ((others.sa_flags & SA_SIGINFO) != 0) {
        others.sa_sigaction(number, info, context);
    } else {
        /* then the access faults again */
        must(sigaction(SIGSEGV, &others, NULL) == 0, "sigaction");
    }
}

/* Called each time, because cmocka installs its own handler for every test. */
static void catch_faults(void)
{
    const struct sigaction mine = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction now;
    must(sigaction(SIGSEGV, NULL, &now) == 0, "sigaction");
    if ((now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != on_fault) {
        others = now;
        must(sigaction(SIGSEGV, &mine, NULL) == 0, "sigaction");
    }
}

enum status hal_mmu_map(vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type)
{
    if (((prot & PROT_W) != 0 && (prot & PROT_X) != 0) || !is_reached(pa, pages)) {
        return E_INVAL;
    }
    for (size_t i = 0; i < pages; i++) {
        if (find(va + i * PAGE_SIZE) != NULL) {
            return E_EXIST;
        }
    }
    if (fake_mmu_maps_left == 0 || pages > MAPPINGS_MAX - mapping_count) {
        return E_NOMEM;
    }
    fake_mmu_maps_left -= fake_mmu_maps_left > 0;
    if (in_direct_map(va)) {
        return set_hidden(va, pages, false);
    }
    /* Device registers are not RAM: give them memory of their own, so
     * that a driver's accesses work. */
    bool is_ram = in_ram(pa, pages), is_lazy = (prot & PROT_LAZY) != 0;
    if (is_lazy) {
        catch_faults();
    }
    must(mmap((void *)va, pages * PAGE_SIZE, is_lazy ? PROT_NONE : host_protection(prot),
              (is_ram ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_FIXED_NOREPLACE,
              is_ram ? ram : -1, is_ram ? (off_t)(pa.raw - FAKE_RAM_BASE) : 0) == (void *)va,
         "hal_mmu_map");
    for (size_t i = 0; i < pages; i++) {
        mappings[mapping_count++] = (struct mapping){
            .va = va + i * PAGE_SIZE,
            .pa = paddr_add(pa, i * PAGE_SIZE),
            .prot = prot,
            .type = type,
        };
        ++*like(va + i * PAGE_SIZE);
    }
    return OK;
}

static void touch(struct mapping *m)
{
    memset(hal_direct(m->pa), 0, PAGE_SIZE);
    m->prot &= ~(unsigned)PROT_LAZY;
    must(mprotect((void *)m->va, PAGE_SIZE, host_protection(m->prot)) == 0, "hal_mmu_touch");
}

bool hal_mmu_touch(vaddr_t va, size_t pages)
{
    vaddr_t first = ALIGN_DOWN(va, (vaddr_t)pages * PAGE_SIZE);
    for (size_t i = 0; i < pages; i++) {
        struct mapping *m = find(first + i * PAGE_SIZE);
        if (m != NULL && (m->prot & PROT_LAZY) != 0) {
            touch(m);
        }
    }
    struct hal_mapping m;
    return hal_mmu_query(va, &m);
}

static void note(struct hal_mmu_batch *batch, vaddr_t va, size_t pages)
{
    if (batch->count == HAL_BATCH_RANGES) {
        batch->flush_all = true;
    } else {
        batch->range[batch->count].va = va;
        batch->range[batch->count].pages = pages;
        batch->count++;
    }
}

unsigned fake_mmu_unmaps;

enum status hal_mmu_unmap(vaddr_t va, size_t pages, struct hal_mmu_batch *batch)
{
    fake_mmu_unmaps++;
    if (in_direct_map(va)) {
        note(batch, va, pages);
        return set_hidden(va, pages, true);
    }
    for (size_t i = 0; i < pages; i++) {
        struct mapping *m = find(va + i * PAGE_SIZE);
        if (m == NULL) {
            continue;
        }
        must(munmap((void *)m->va, PAGE_SIZE) == 0, "hal_mmu_unmap");
        if (batch->gather != NULL && !batch->tables_only) {
            batch->gather(batch->ctx, HAL_GATHER_LEAF, m->pa, 1);
        }
        --*like(m->va);
        *m = mappings[--mapping_count];
    }
    note(batch, va, pages);
    return OK;
}

enum status hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot, struct hal_mmu_batch *batch)
{
    if ((prot & PROT_W) != 0 && (prot & PROT_X) != 0) {
        return E_INVAL;
    }
    for (size_t i = 0; i < pages; i++) {
        const struct mapping *m = find(va + i * PAGE_SIZE);
        if (m == NULL || (m->prot & PROT_LAZY) != 0) {
            return E_INVAL;
        }
    }
    must(mprotect((void *)va, pages * PAGE_SIZE, host_protection(prot)) == 0, "hal_mmu_protect");
    for (size_t i = 0; i < pages; i++) {
        find(va + i * PAGE_SIZE)->prot = prot;
    }
    note(batch, va, pages);
    return OK;
}

void hal_mmu_flush(struct hal_mmu_batch *batch)
{
    if (batch->count > 0 || batch->flush_all) {
        fake_journal_add("tlb");
    }
    batch->count = 0;
    batch->flush_all = false;
}

uint64_t hal_mmu_absent(vaddr_t va)
{
    (void)va;
    return 0; /* a table may be missing anywhere */
}

bool hal_mmu_query(vaddr_t va, struct hal_mapping *out)
{
    if (in_direct_map(va)) {
        if (*is_hidden(va)) {
            return false;
        }
        *out = (struct hal_mapping){.base = paddr(ALIGN_DOWN(va, PAGE_SIZE) - HAL_DIRECT_BASE),
                                    .size = PAGE_SIZE,
                                    .prot = PROT_R | PROT_W,
                                    .type = MEM_NORMAL};
        return true;
    }
    const struct mapping *m = find(ALIGN_DOWN(va, PAGE_SIZE));
    if (m == NULL || (m->prot & PROT_LAZY) != 0) {
        return false;
    }
    *out = (struct hal_mapping){.base = m->pa, .size = PAGE_SIZE, .prot = m->prot, .type = m->type};
    return true;
}

static bool is_in_a_region(vaddr_t va)
{
    for (unsigned i = 0; i < HAL_REGION_COUNT; i++) {
        if (va - hal_layout.region[i].base < hal_layout.region[i].size) {
            return true;
        }
    }
    return in_direct_map(va);
}

bool hal_mmu_peek(vaddr_t va, uint64_t *out)
{
    struct hal_mapping m;
    if (va == 0 || va % sizeof(*out) != 0 || (is_in_a_region(va) && !hal_mmu_query(va, &m))) {
        return false; /* all others are stacks, which are the host's here */
    }
    *out = *(const volatile uint64_t *)va;
    return true;
}

static int by_address(const void *a, const void *b)
{
    vaddr_t x = ((const struct mapping *)a)->va, y = ((const struct mapping *)b)->va;
    return x < y ? -1 : x > y;
}

void hal_mmu_walk(void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                  void *ctx)
{
    qsort(mappings, mapping_count, sizeof(mappings[0]), by_address);
    for (size_t i = 0, next; i < mapping_count; i = next) {
        const struct mapping *m = &mappings[i];
        if ((m->prot & PROT_LAZY) != 0) {
            next = i + 1;
            continue;
        }
        for (next = i + 1; next < mapping_count; next++) {
            const struct mapping *n = &mappings[next];
            uint64_t step = (next - i) * PAGE_SIZE;
            if (n->va != m->va + step || n->pa.raw != m->pa.raw + step || n->prot != m->prot ||
                n->type != m->type) {
                break;
            }
        }
        struct hal_mapping out = {
            .base = m->pa, .size = PAGE_SIZE, .prot = m->prot, .type = m->type};
        fn(ctx, m->va, (next - i) * PAGE_SIZE, &out);
    }
}

/* The host kernel copies the byte and returns an error for a bad address
 * instead of raising a signal. */
static bool probe(void *mine, const void *theirs, bool write)
{
    (void)hal_mmu_touch((vaddr_t)(uintptr_t)theirs, 1);
    struct iovec local = {.iov_base = mine, .iov_len = 1};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)theirs, .iov_len = 1};
    ssize_t n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
                      : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    must(n == 1 || errno == EFAULT, "hal_probe");
    return n == 1;
}

bool hal_probe_read8(const void *p, uint8_t *out)
{
    return probe(out, p, false);
}

bool hal_probe_write8(void *p, uint8_t value)
{
    return probe(&value, p, true);
}
