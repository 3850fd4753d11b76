// SPDX-License-Identifier: MIT
//
// Commands about memory: frames by owner, the heap, the address map.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/io/console.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/shell/command_internal.h"

static void print_owners(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    uint64_t free_pages = stats.by_owner[PAGE_FREE];
    for (unsigned owner = 0; owner < PAGE_OWNER_COUNT; owner++) {
        if (stats.by_owner[owner] != 0) {
            console_printf("%10llu KiB  %s\n",
                           (unsigned long long)(stats.by_owner[owner] * (PAGE_SIZE / 1024)),
                           page_owner_name((enum page_owner)owner));
        }
    }
    console_printf("%10llu KiB  in all, %llu KiB used, largest free run %llu KiB\n",
                   (unsigned long long)(stats.total_pages * (PAGE_SIZE / 1024)),
                   (unsigned long long)((stats.total_pages - free_pages) * (PAGE_SIZE / 1024)),
                   (unsigned long long)((PAGE_SIZE << stats.largest_free_order) / 1024));
}

static void print_mapping(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)ctx;
    static const char *const types[] = {"normal", "device", "write-combine"};
    const char *name = vm_name_at(va);
    console_printf("  %016llx %10llu KiB %c%c%c %-13s %s\n", (unsigned long long)va,
                   (unsigned long long)(size / 1024), (m->prot & PROT_R) != 0 ? 'r' : '-',
                   (m->prot & PROT_W) != 0 ? 'w' : '-', (m->prot & PROT_X) != 0 ? 'x' : '-',
                   types[m->type], name != NULL ? name : "");
}

static bool run_mem(int argc, char **argv)
{
    if (argc == 1) {
        print_owners();
        return true;
    }
    if (argc != 2 || strcmp(argv[1], "map") != 0) {
        return false;
    }
    console_printf("regions\n");
    for (unsigned i = 0; i < HAL_REGION_COUNT; i++) {
        const struct hal_region_range *r = &hal_layout.region[i];
        console_printf("  %016llx-%016llx %s\n", (unsigned long long)r->base,
                       (unsigned long long)(r->base + (r->size - 1)), r->name);
    }
    console_printf("mappings\n");
    hal_mmu_walk(print_mapping, NULL);
    return true;
}

static bool run_heap(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct heap_stats s;
    heap_get_stats(&s);
    console_printf(
        "%llu objects, %llu bytes live, %llu KiB of pages, %llu allocations, %llu frees\n",
        (unsigned long long)s.live_objects, (unsigned long long)s.live_bytes,
        (unsigned long long)(s.page_bytes / 1024), (unsigned long long)s.allocs,
        (unsigned long long)s.frees);
    return true;
}

const struct shell_command shell_memory_commands[] = {
    {"mem", "[map]", "memory by owner, or the address map", run_mem},
    {"heap", "", "the kernel heap", run_heap},
    {0},
};
