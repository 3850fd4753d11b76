// SPDX-License-Identifier: MIT
//
// The Interrupt Translation Service (ITS). It translates a message, that is, a device's id and the
// event number that the device writes, into an LPI and a target CPU. See gicv3_its.h for how the
// pieces fit together.
//
// The ITS is configured by commands in a ring in memory: write commands, then move CWRITER; the ITS
// advances CREADR. Its tables are in memory that the kernel provides and that only the ITS uses
// from then on:
//   - the device table: by device id, the address of the device's translation table;
//   - a translation table for each device: by event, LPI and collection (CMD_MAPTI);
//   - the collection table: by collection, a redistributor (CMD_MAPC). Collection n is CPU n here.
//
// Rules that the order of steps must keep:
//   - A table must be zero and visible to the ITS (gic_publish()) before its address is written to
//     a register or a command. After that the CPU must not write to it, except to a first-level
//     entry of the device table that is not valid yet.
//   - A command takes effect for a CPU only after CMD_SYNC for its redistributor, so command()
//     always adds one. Disabling or moving an LPI without it would allow one more interrupt at the
//     old place after the function returns.
//   - Memory returns to the allocator only after the ITS has confirmed that it no longer uses it.
//     If a command fails, the memory is leaked on purpose.
#include "arch/aarch64/gicv3_its.h"

#include "arch/aarch64/probe.h"
#include "hal/cpu.h"
#include "hal/layout.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define GITS_CTLR     0x0000
#define GITS_TYPER    0x0008
#define GITS_CBASER   0x0080
#define GITS_CWRITER  0x0088
#define GITS_CREADR   0x0090
#define GITS_BASER(n) (0x0100 + 8 * (size_t)(n))
#define GITS_USED     0x1000u
#define GITS_LEN_MIN  0x20000u /* the registers, and the frame that devices write to */
#define BASERS        8u

#define CTLR_ENABLED   (1u << 0)
#define CTLR_QUIESCENT (1u << 31)

#define TYPER_ENTRY_BYTES(t) ((unsigned)((t) >> 4 & 15) + 1)
#define TYPER_EVENT_BITS(t)  ((unsigned)((t) >> 8 & 31) + 1)
#define TYPER_DEVICE_BITS(t) ((unsigned)((t) >> 13 & 31) + 1)
#define TYPER_PTA            (UINT64_C(1) << 19) /* redistributors are named by address */
/* number of collections that need no table */
#define TYPER_HCC(t) ((unsigned)((t) >> 24 & 255))
/* number of bits in a collection's id, if TYPER_CIL is set */
#define TYPER_ID_BITS(t) ((unsigned)((t) >> 32 & 15) + 1)
#define TYPER_CIL        (UINT64_C(1) << 36)

#define BASE_VALID        (UINT64_C(1) << 63)
#define BASE_CACHE(c)     ((c) << 59)
#define BASER_INDIRECT    (UINT64_C(1) << 62)
#define BASER_TYPE(b)     ((unsigned)((b) >> 56 & 7))
#define BASER_ENTRY(b)    ((unsigned)((b) >> 48 & 31) + 1)
#define BASER_PAGE_SHIFT  8
#define BASER_PAGE(b)     ((unsigned)((b) >> BASER_PAGE_SHIFT & 3))
#define BASER_PAGES_MAX   256u
#define BASER_DEVICES     1u
#define BASER_COLLECTIONS 4u
#define LEVEL_ENTRY       8u /* bytes of an entry of the first level */
#define LEVEL_VALID       BASE_VALID
#define DEVICE_BITS_MAX   20u      /* requester ids of sixteen PCI segments */
#define DEVICE_FLAT_MAX   0x80000u /* most bytes of a device table with one level */

#define QUEUE_BYTES    0x1000u
#define QUEUE_ALIGN    0x10000u
#define COMMAND        32u /* bytes */
#define CREADR_STALLED 1u
#define CWRITER_RETRY  1u

#define SPINS 1000000u /* far beyond any real wait */

enum command {
    CMD_MOVI = 0x01,
    CMD_SYNC = 0x05,
    CMD_MAPD = 0x08,
    CMD_MAPC = 0x09,
    CMD_MAPTI = 0x0a,
    CMD_INV = 0x0c,
    CMD_INVALL = 0x0d,
    CMD_DISCARD = 0x0f,
};

/* One ITS; if the machine has more, the first is used. Field protection:  [I] set by
 * its_init() [q] queue_lock */
static struct {
    const struct gic_mapper *mapper; /* [I] */
    struct io_region regs;           /* [I] */
    uint64_t typer;                  /* [I] */
    /* By collection, that is, by CPU: its redistributor in the form that commands use. [I] once the
     * CPU is `reached`; gicv3_msi.c serialises that. */
    uint64_t target[CPU_MAX];
    bool reached[CPU_MAX];
    uint32_t collection_limit; /* [I] */
    uint8_t *queue;            /* [I] */
    bool queue_cached;         /* [I] */
    uint32_t tail;             /* [q] offset of the next command */
    enum status broken;        /* [q] not OK: it no longer executes commands */
    /* The device table */
    uint8_t *devices;      /* [I] entries, or pointers to pages of entries */
    uint64_t device_limit; /* [I] ids must be below */
    uint32_t per_page;     /* [I] ids in a second-level page; 0: one level only */
    uint32_t page_bytes;   /* [I] */
    bool devices_cached;   /* [I] */
} its;

static struct gic_lock queue_lock;

unsigned its_event_bits(void)
{
    return TYPER_EVENT_BITS(its.typer);
}

uint64_t its_table_bytes(unsigned bits)
{
    return (uint64_t)TYPER_ENTRY_BYTES(its.typer) << bits;
}

/* ---- Commands ---- */

static uint32_t read_head(void)
{
    return (uint32_t)io_read64(&its.regs, GITS_CREADR);
}

static void put(uint32_t at, const uint64_t word[4])
{
    for (unsigned i = 0; i < 4; i++) {
        store_le64(its.queue + at + 8 * i, word[i]);
    }
    gic_publish(its.queue + at, COMMAND, its.queue_cached);
}

static enum status give_up_locked(enum status s, const char *what, uint32_t at)
{
    its.broken = s;
    log_warn("its", "%s at command 0x%02x: messages cannot be set up any more", what,
             its.queue[at % QUEUE_BYTES]);
    return s;
}

/* A refused command blocks all later ones: replace it
 * by a command without effect and let the ITS retry. */
static void skip_refused_locked(uint32_t at)
{
    log_warn("its", "command 0x%02x refused", its.queue[at]);
    put(at, (const uint64_t[4]){CMD_SYNC, 0, its.target[0], 0});
    io_write64(&its.regs, GITS_CWRITER, its.tail | CWRITER_RETRY);
}

/* Wait until the ITS has read all commands up to `end`. */
static enum status wait_for_locked(uint32_t end)
{
    bool refused = false;
    for (uint32_t i = 0; i < SPINS; i++) {
        uint32_t head = read_head();
        uint32_t at = head & ~(COMMAND - 1) & (QUEUE_BYTES - 1);
        if ((head & CREADR_STALLED) != 0) {
            if (refused) {
                return give_up_locked(E_IO, "stalled", at);
            }
            refused = true;
            skip_refused_locked(at);
        } else if (at == end) {
            return refused ? E_IO : OK;
        }
        hal_cpu_relax();
    }
    return give_up_locked(E_TIMEDOUT, "no answer", read_head() & ~(COMMAND - 1));
}

static void post_locked(uint64_t w0, uint64_t w1, uint64_t w2)
{
    put(its.tail, (const uint64_t[4]){w0, w1, w2, 0});
    its.tail = (its.tail + COMMAND) % QUEUE_BYTES;
    io_write64(&its.regs, GITS_CWRITER, its.tail);
}

/* Execute a command and wait until it has taken effect, also in `cpu`'s redistributor. The ring is
 * empty before and after, so it cannot overflow. */
static enum status command(cpu_t cpu, uint64_t w0, uint64_t w1, uint64_t w2)
{
    irq_state_t state = gic_lock(&queue_lock);
    enum status s = its.broken;
    if (s == OK) {
        post_locked(w0, w1, w2);
        post_locked(CMD_SYNC, 0, its.target[cpu]);
        s = wait_for_locked(its.tail);
    }
    gic_unlock(&queue_lock, state);
    return s;
}

static uint64_t of_device(enum command c, uint32_t device_id)
{
    return (uint64_t)device_id << 32 | c;
}

enum status its_map_event(uint32_t device_id, uint32_t event, uint32_t line)
{
    return command(0, of_device(CMD_MAPTI, device_id), (uint64_t)line << 32 | event, 0);
}

enum status its_discard_event(uint32_t device_id, uint32_t event, cpu_t cpu)
{
    return command(cpu, of_device(CMD_DISCARD, device_id), event, 0);
}

enum status its_invalidate(uint32_t device_id, uint32_t event, cpu_t cpu)
{
    return command(cpu, of_device(CMD_INV, device_id), event, 0);
}

enum status its_move_event(uint32_t device_id, uint32_t event, cpu_t from, cpu_t to)
{
    return command(from, of_device(CMD_MOVI, device_id), event, to);
}

/* Make the second-level page for a device when its first device is mapped. */
static enum status reach_device(uint32_t device_id)
{
    if (device_id >= its.device_limit) {
        return E_RANGE;
    }
    uint8_t *entry = its.devices + (size_t)device_id / MAX(its.per_page, 1u) * LEVEL_ENTRY;
    if (its.per_page == 0 || load_le64(entry) != 0) {
        return OK;
    }
    paddr_t page;
    enum status s = its.mapper->alloc(its.page_bytes, &page);
    if (s != OK) {
        return s;
    }
    memset(hal_direct(page), 0, its.page_bytes);
    gic_publish(hal_direct(page), its.page_bytes, its.devices_cached);
    store_le64(entry, page.raw | LEVEL_VALID);
    gic_publish(entry, LEVEL_ENTRY, its.devices_cached);
    return OK;
}

enum status its_map_device(uint32_t device_id, paddr_t table, unsigned bits)
{
    enum status s = reach_device(device_id);
    if (s != OK) {
        return s;
    }
    gic_publish(hal_direct(table), its_table_bytes(bits), its.devices_cached);
    return command(0, of_device(CMD_MAPD, device_id), bits - 1, table.raw | BASE_VALID);
}

enum status its_unmap_device(uint32_t device_id)
{
    return command(0, of_device(CMD_MAPD, device_id), 0, 0);
}

/* ---- Tables ---- */

/* The smallest page size that the table supports: 4, 16 or 64 KiB. The register keeps only values
 * that it supports. */
static uint32_t probe_page(unsigned n)
{
    static const uint32_t bytes[] = {0x1000, 0x4000, 0x10000, 0x10000};
    for (unsigned code = 0; code < 3; code++) {
        io_write64(&its.regs, GITS_BASER(n), (uint64_t)code << BASER_PAGE_SHIFT);
        if (BASER_PAGE(io_read64(&its.regs, GITS_BASER(n))) == code) {
            return bytes[code];
        }
    }
    return 0;
}

static uint64_t page_code(uint32_t page_bytes)
{
    return (uint64_t)(page_bytes == 0x1000 ? 0 : page_bytes == 0x4000 ? 1 : 2) << BASER_PAGE_SHIFT;
}

/* Try to set up memory that is cached; otherwise memory that is not. @return true: cached. */
static bool write_base(size_t reg, uint64_t value)
{
    io_write64(&its.regs, reg, value | GIC_SHARE_INNER | BASE_CACHE(GIC_CACHE_WRITE));
    if ((io_read64(&its.regs, reg) & GIC_SHARE_MASK) == GIC_SHARE_INNER) {
        return true;
    }
    io_write64(&its.regs, reg, value | BASE_CACHE(GIC_CACHE_NONE));
    return false;
}

/* Allocate at least `bytes` for table n, and let the ITS use it. */
static enum status allocate_table(unsigned n, uint64_t bytes, uint32_t page_bytes, uint64_t flags,
                                  uint8_t **out, bool *cached)
{
    paddr_t table;
    bytes = ALIGN_UP(bytes, (uint64_t)page_bytes);
    enum status s = its.mapper->alloc(bytes, &table);
    if (s != OK) {
        return s;
    }
    *out = hal_direct(table);
    memset(*out, 0, bytes);
    *cached = write_base(GITS_BASER(n), BASE_VALID | flags | table.raw | page_code(page_bytes) |
                                            (bytes / page_bytes - 1));
    gic_publish(*out, bytes, *cached);
    return OK;
}

static bool can_be_indirect(unsigned n)
{
    io_write64(&its.regs, GITS_BASER(n), BASER_INDIRECT);
    return (io_read64(&its.regs, GITS_BASER(n)) & BASER_INDIRECT) != 0;
}

static enum status allocate_devices(unsigned n, uint32_t entry)
{
    unsigned bits = MIN(TYPER_DEVICE_BITS(its.typer), DEVICE_BITS_MAX);
    its.page_bytes = probe_page(n);
    if (its.page_bytes == 0) {
        return E_INVAL;
    }
    uint64_t max = MIN((uint64_t)its.page_bytes * BASER_PAGES_MAX, DEVICE_FLAT_MAX);
    uint64_t bytes, flags = 0;
    if (can_be_indirect(n) && (uint64_t)entry << bits > its.page_bytes) {
        its.per_page = its.page_bytes / entry;
        bytes = (((UINT64_C(1) << bits) + its.per_page - 1) / its.per_page) * LEVEL_ENTRY;
        flags = BASER_INDIRECT;
    } else {
        its.per_page = 0;
        while ((uint64_t)entry << bits > max) {
            bits--; /* devices with higher ids have no messages */
        }
        bytes = (uint64_t)entry << bits;
    }
    its.device_limit = UINT64_C(1) << bits;
    return allocate_table(n, bytes, its.page_bytes, flags, &its.devices, &its.devices_cached);
}

static enum status allocate_collections(unsigned n, uint32_t entry)
{
    uint8_t *table;
    bool cached;
    uint32_t page_bytes = probe_page(n);
    its.collection_limit = MAX(its.collection_limit, page_bytes / entry);
    return page_bytes == 0 ? E_INVAL
                           : allocate_table(n, page_bytes, page_bytes, 0, &table, &cached);
}

static enum status allocate_tables(void)
{
    its.collection_limit = TYPER_HCC(its.typer);
    for (unsigned n = 0; n < BASERS; n++) {
        uint64_t baser = io_read64(&its.regs, GITS_BASER(n));
        enum status s = OK;
        if (BASER_TYPE(baser) == BASER_DEVICES && its.devices == NULL) {
            s = allocate_devices(n, BASER_ENTRY(baser));
        } else if (BASER_TYPE(baser) == BASER_COLLECTIONS) {
            s = allocate_collections(n, BASER_ENTRY(baser));
        }
        if (s != OK) {
            return s;
        }
    }
    if ((its.typer & TYPER_CIL) != 0) {
        its.collection_limit = MIN(its.collection_limit, 1u << TYPER_ID_BITS(its.typer));
    }
    its.collection_limit = MIN(its.collection_limit, CPU_MAX);
    return its.devices != NULL && its.collection_limit > 0 ? OK : E_INVAL;
}

static enum status allocate_queue(void)
{
    paddr_t queue;
    enum status s = its.mapper->alloc(QUEUE_ALIGN, &queue);
    if (s != OK) {
        return s;
    }
    its.queue = hal_direct(queue);
    its.queue_cached = write_base(GITS_CBASER, BASE_VALID | queue.raw | (QUEUE_BYTES / 0x1000 - 1));
    its.tail = 0;
    io_write64(&its.regs, GITS_CWRITER, 0);
    return OK;
}

/* ---- Start ---- */

/* Firmware may have left it enabled: it must be quiescent before its tables change. */
static enum status switch_off(void)
{
    io_write32(&its.regs, GITS_CTLR, io_read32(&its.regs, GITS_CTLR) & ~CTLR_ENABLED);
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((io_read32(&its.regs, GITS_CTLR) & CTLR_QUIESCENT) != 0) {
            return OK;
        }
    }
    return E_TIMEDOUT;
}

static enum status map_collection(cpu_t cpu, const struct gicv3_cpu *its_cpu)
{
    its.target[cpu] =
        (its.typer & TYPER_PTA) != 0 ? its_cpu->redist_base : (uint64_t)its_cpu->number << 16;
    enum status s = command(cpu, CMD_MAPC, 0, its.target[cpu] | BASE_VALID | cpu);
    s = s == OK ? command(cpu, CMD_INVALL, 0, cpu) : s;
    its.reached[cpu] = s == OK;
    return s;
}

enum status its_reach_cpu(cpu_t cpu, const struct gicv3_cpu *its_cpu)
{
    if (cpu >= its.collection_limit) {
        return E_RANGE;
    }
    if (its.reached[cpu]) {
        return OK;
    }
    enum status s = lpi_join(its_cpu, its.mapper);
    return s == OK ? map_collection(cpu, its_cpu) : s;
}

static enum status start(const struct gicv3_cpu *cpu)
{
    enum status s = switch_off();
    if (s != OK) {
        return s;
    }
    its.typer = io_read64(&its.regs, GITS_TYPER);
    s = allocate_tables();
    if (s == OK) {
        s = allocate_queue();
    }
    if (s != OK) {
        return s;
    }
    io_write32(&its.regs, GITS_CTLR, io_read32(&its.regs, GITS_CTLR) | CTLR_ENABLED);
    s = map_collection(0, cpu);
    if (s != OK) {
        (void)switch_off();
    }
    return s;
}

enum status its_open(uint64_t base, uint64_t len, const struct gic_mapper *mapper)
{
    if (len < GITS_LEN_MIN) {
        return E_INVAL;
    }
    memset(&its, 0, sizeof(its));
    its.mapper = mapper;
    enum status s = mapper->map(base, GITS_USED, &its.regs);
    if (s != OK) {
        return s;
    }
    uint32_t typer;
    if (!probe_read32((const volatile void *)(its.regs.base + GITS_TYPER), &typer)) {
        mapper->unmap(&its.regs);
        return E_NODEV; /* QEMU 7.2 lists an ITS in its tables even with its=off */
    }
    return OK;
}

enum status its_init(const struct gicv3_cpu *cpu)
{
    /* Memory is not freed on failure: an ITS that did not stop may still write to it. */
    return start(cpu);
}
