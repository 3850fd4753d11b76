// SPDX-License-Identifier: MIT
//
// Which device has which message lines on GICv3. A device's events are numbered from 0; each raises
// an LPI of its own. Devices that share an id (beyond a bridge to conventional PCI) share a table.
//
// Locks: msi_lock protects the assignment of lines and precedes the queue's lock in gicv3_its.c.
// The lock of an interrupt line, which belongs to the caller, protects that line's `cpu`.
#include "arch/aarch64/gicv3_its.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define TRANSLATER  0x10040u /* GITS_TRANSLATER, from the ITS's base */
#define DEVICES_MAX 256u
#define TABLE_BYTES 0x1000u /* minimum size of a device's table: one page */
#define EVENT_BITS  10u     /* no device has more events than there are LPIs */

STATIC_ASSERT(LPI_COUNT == 1u << EVENT_BITS, "a device may have every line");

/* Field protection:  [m] msi_lock   [I] stays while the device has lines */
struct msi_device {
    uint32_t id;    /* [I] */
    uint32_t lines; /* [m] 0: the slot is free */
    unsigned bits;  /* [I] log2 of its events */
    paddr_t table;  /* [I] */
};

static struct msi_device devices[DEVICES_MAX];

/* By LPI. Lines that have a handler are read without the
 * lock: they cannot be freed while they have one. */
static struct {
    struct msi_device *device; /* NULL: free */
    uint32_t event;
    cpu_t cpu; /* the CPU that it interrupts; changed with the line's lock held */
} lpis[LPI_COUNT];

static const struct gic_mapper *memory;
static uint64_t doorbell; /* physical */

/* Acquired before gicv3_its.c's lock; never acquired in an interrupt handler. */
static struct gic_lock msi_lock;

enum status gicv3_its_init(const struct boot_gic *gic, const struct gicv3_cpu *cpu,
                           const struct gic_mapper *mapper)
{
    enum status s = its_open(gic->its_base, gic->its_len, mapper);
    if (s == OK) {
        s = lpi_init(cpu, mapper);
    }
    if (s == OK) {
        s = its_init(cpu);
    }
    memory = mapper;
    doorbell = gic->its_base + TRANSLATER;
    return s;
}

static uint64_t table_bytes(unsigned bits)
{
    return MAX(its_table_bytes(bits), (uint64_t)TABLE_BYTES);
}

/* log2 of the number of events: as many as fit a page, or as many as are wanted. */
static unsigned choose_bits(uint32_t wanted)
{
    unsigned max = MIN(its_event_bits(), EVENT_BITS);
    unsigned bits = 1;
    while (bits < max &&
           (UINT32_C(1) << bits < wanted || its_table_bytes(bits + 1) <= TABLE_BYTES)) {
        bits++;
    }
    return bits;
}

static enum status open_device(struct msi_device *d, uint32_t id, uint32_t wanted)
{
    paddr_t table;
    unsigned bits = choose_bits(wanted);
    enum status s = memory->alloc(table_bytes(bits), &table);
    if (s != OK) {
        return s;
    }
    memset(hal_direct(table), 0, table_bytes(bits));
    s = its_map_device(id, table, bits);
    if (s == OK) {
        *d = (struct msi_device){.id = id, .bits = bits, .table = table};
    } else if (s == E_RANGE || s == E_NOMEM) {
        memory->free(table, table_bytes(bits)); /* the ITS has not seen it */
    }
    return s;
}

/* If the ITS may still write to the table, the table is never freed. */
static void close_device(struct msi_device *d)
{
    if (its_unmap_device(d->id) == OK) {
        memory->free(d->table, table_bytes(d->bits));
    }
}

static enum status find_device(uint32_t id, uint32_t wanted, struct msi_device **out)
{
    struct msi_device *unused = NULL;
    for (struct msi_device *d = devices; d < devices + DEVICES_MAX; d++) {
        if (d->lines > 0 && d->id == id) {
            *out = d;
            return OK;
        }
        if (d->lines == 0 && unused == NULL) {
            unused = d;
        }
    }
    *out = unused;
    return unused == NULL ? E_NOSPC : open_device(unused, id, wanted);
}

static uint32_t free_run(uint32_t at, uint32_t wanted)
{
    uint32_t n = 0;
    while (n < wanted && at + n < LPI_COUNT && lpis[at + n].device == NULL) {
        n++;
    }
    return n;
}

/* The first run of free LPIs that is long enough, otherwise the longest. @return its length. */
static uint32_t find_run(uint32_t wanted, uint32_t *first)
{
    uint32_t best = 0, n;
    for (uint32_t at = 0; at < LPI_COUNT && best < wanted; at += n + 1) {
        n = free_run(at, wanted);
        if (n > best) {
            best = n;
            *first = at;
        }
    }
    return best;
}

/* Set a bit for each event of the device that already raises a line. */
static void find_events(const struct msi_device *d, uint64_t used[LPI_COUNT / 64])
{
    memset(used, 0, LPI_COUNT / 8);
    for (uint32_t i = 0; i < LPI_COUNT; i++) {
        if (lpis[i].device == d) {
            used[lpis[i].event / 64] |= UINT64_C(1) << lpis[i].event % 64;
        }
    }
}

/* Map at least one line, or return the reason. */
static enum status map_lines_locked(struct msi_device *d, uint32_t first, uint32_t n,
                                    uint32_t *count)
{
    uint64_t used[LPI_COUNT / 64];
    uint32_t taken = 0;
    enum status s = E_NOSPC;
    find_events(d, used);
    for (uint32_t event = 0; taken < n && event < UINT32_C(1) << d->bits; event++) {
        if ((used[event / 64] >> event % 64 & 1) != 0) {
            continue;
        }
        s = its_map_event(d->id, event, GIC_LPI_FIRST + first + taken);
        if (s != OK) {
            break;
        }
        lpis[first + taken].device = d;
        lpis[first + taken].event = event;
        lpis[first + taken].cpu = 0;
        taken++;
    }
    d->lines += taken;
    *count = taken;
    return taken > 0 ? OK : s;
}

static enum status alloc_locked(uint32_t device_id, uint32_t wanted, uint32_t *first,
                                uint32_t *count)
{
    uint32_t at = 0;
    uint32_t n = find_run(wanted, &at);
    if (n == 0) {
        return E_NOSPC;
    }
    struct msi_device *d;
    enum status s = find_device(device_id, n, &d);
    if (s != OK) {
        return s;
    }
    s = map_lines_locked(d, at, n, count);
    if (s != OK) {
        if (d->lines == 0) {
            close_device(d);
        }
        return s;
    }
    *first = GIC_LPI_FIRST + at;
    return OK;
}

static enum status alloc(uint32_t device_id, uint32_t wanted, uint32_t *first, uint32_t *count)
{
    irq_state_t state = gic_lock(&msi_lock);
    enum status s = alloc_locked(device_id, wanted, first, count);
    gic_unlock(&msi_lock, state);
    return s;
}

static void free_lines(uint32_t device_id, uint32_t first, uint32_t count)
{
    irq_state_t state = gic_lock(&msi_lock);
    uint32_t at = first - GIC_LPI_FIRST;
    struct msi_device *d = lpis[at].device;
    ASSERT(d != NULL && d->id == device_id && d->lines >= count);
    for (uint32_t i = at; i < at + count; i++) {
        ASSERT(lpis[i].device == d);
        /* If this fails, the ITS no longer works, and has been reported. */
        (void)!its_discard_event(d->id, lpis[i].event, lpis[i].cpu);
        lpis[i].device = NULL;
    }
    d->lines -= count;
    if (d->lines == 0) {
        close_device(d);
    }
    gic_unlock(&msi_lock, state);
}

static void compose(uint32_t line, uint64_t *address, uint32_t *data)
{
    *address = doorbell;
    *data = lpis[line - GIC_LPI_FIRST].event;
}

const struct msi_controller gicv3_msi_controller = {
    .name = "gicv3 its",
    .alloc = alloc,
    .free = free_lines,
    .compose = compose,
    .can_mask = true,
};

enum status gicv3_lpi_configure(uint32_t line, enum irq_trigger trigger)
{
    if (line - GIC_LPI_FIRST >= LPI_COUNT || lpis[line - GIC_LPI_FIRST].device == NULL) {
        return E_RANGE;
    }
    return trigger == IRQ_EDGE ? OK : E_NOTSUP;
}

void gicv3_lpi_set_masked(uint32_t line, bool is_masked)
{
    uint32_t i = line - GIC_LPI_FIRST;
    if (i < LPI_COUNT && lpis[i].device != NULL) {
        lpi_set_enabled(line, !is_masked);
        /* If this fails, the ITS no longer works, and has been reported. */
        (void)!its_invalidate(lpis[i].device->id, lpis[i].event, lpis[i].cpu);
    }
}

enum status gicv3_lpi_route(uint32_t line, cpu_t cpu, const struct gicv3_cpu *target)
{
    uint32_t i = line - GIC_LPI_FIRST;
    if (i >= LPI_COUNT || lpis[i].device == NULL) {
        return E_RANGE;
    }
    irq_state_t state = gic_lock(&msi_lock);
    enum status s = its_reach_cpu(cpu, target);
    gic_unlock(&msi_lock, state);
    if (s == OK && cpu != lpis[i].cpu) {
        s = its_move_event(lpis[i].device->id, lpis[i].event, lpis[i].cpu, cpu);
        lpis[i].cpu = s == OK ? cpu : lpis[i].cpu;
    }
    return s;
}
