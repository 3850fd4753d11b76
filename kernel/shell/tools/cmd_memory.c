// SPDX-License-Identifier: MIT
//
// Commands about memory: frames by owner, the heap, the address map.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/heap_site.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/rcu.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

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

/* Adjacent mappings that differ only in their frames are printed as one line. */
struct map_line {
    vaddr_t start, end; /* empty: nothing is pending */
    unsigned prot;
    enum mem_type type;
    char name[64]; /* of the range that owns it, or ""; truncated */
    const struct hal_region_range *region;
};

static bool region_has(const struct hal_region_range *r, vaddr_t va)
{
    return va >= r->base && va - r->base < r->size;
}

static void print_line(struct map_line *line)
{
    static const char *const types[] = {"", "  device", "  write-combining"};
    if (line->start != line->end) {
        console_printf("  %016llx-%016llx %10llu KiB %c%c%c%s%s%s\n",
                       (unsigned long long)line->start, (unsigned long long)(line->end - 1),
                       (unsigned long long)((line->end - line->start) / 1024),
                       (line->prot & PROT_R) != 0 ? 'r' : '-',
                       (line->prot & PROT_W) != 0 ? 'w' : '-',
                       (line->prot & PROT_X) != 0 ? 'x' : '-', types[line->type],
                       line->name[0] != '\0' ? "  " : "", line->name);
    }
    line->end = line->start;
}

/* Called for each leaf of the page tables in ascending order, with the whole address space; leaves
 * outside of the region belong to another line of the map. A mapping continues the pending line if
 * it looks the same in all columns. */
static void add_mapping(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    struct map_line *line = ctx;
    if (!region_has(line->region, va)) {
        return;
    }
    char name[sizeof(line->name)] = "";
    (void)vm_copy_name(va, name, sizeof(name));
    bool continues = line->start != line->end && va == line->end && m->prot == line->prot &&
                     m->type == line->type && strcmp(name, line->name) == 0;
    if (!continues) {
        print_line(line);
        line->start = va;
        line->prot = m->prot;
        line->type = m->type;
        (void)str_copy(line->name, sizeof(line->name), name);
    }
    line->end = va + size;
}

/* Shows the size in the largest unit that needs no fraction. */
static void print_region(const struct hal_region_range *r)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    uint64_t size = r->size / 1024;
    unsigned unit = 0;
    for (; unit + 1 < ARRAY_COUNT(units) && size % 1024 == 0; unit++) {
        size /= 1024;
    }
    console_printf("%016llx-%016llx %4llu %s %s\n", (unsigned long long)r->base,
                   (unsigned long long)(r->base + (r->size - 1)), (unsigned long long)size,
                   units[unit], r->name);
    struct map_line line = {.region = r};
    hal_mmu_walk(add_mapping, &line);
    print_line(&line);
}

bool tools_mem(int argc, char **argv)
{
    if (argc == 1) {
        rcu_barrier(); /* what was dropped a moment ago is free then, not in use */
        print_owners();
        return true;
    }
    if (argc != 2 || strcmp(argv[1], "map") != 0) {
        return false;
    }
    for (unsigned i = 0; i < HAL_REGION_COUNT; i++) {
        print_region(&hal_layout.region[i]);
    }
    return true;
}

#ifdef HALYARD_DEBUG
#define SITES_SHOWN 10u

static void print_site_line(void *ctx, const char *line)
{
    (void)ctx;
    console_printf("%s\n", line);
}

static void print_sites(void)
{
    heap_site_print_top(print_site_line, NULL, SITES_SHOWN);
}
#else
static void print_sites(void)
{
    shell_error("heap: only debug builds record call chains\n");
}
#endif

bool tools_heap(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "sites") == 0) {
        print_sites();
        return true;
    }
    if (argc > 1) {
        return false;
    }
    struct heap_stats s;
    rcu_barrier(); /* as in tools_mem() */
    heap_get_stats(&s);
    console_printf("%llu objects, %llu bytes live, %llu KiB of pages\n",
                   (unsigned long long)s.live_objects, (unsigned long long)s.live_bytes,
                   (unsigned long long)(s.page_bytes / 1024));
    return true;
}
