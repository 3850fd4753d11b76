// SPDX-License-Identifier: MIT
//
// See fake_its.h.
#include "its/fake_its.h"

#include "arch/aarch64/probe.h"

#include "fake/fake.h"
#include "hal/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REDIST_PORT 0x1000u
#define OTHER_PORT  0x1800u /* the second redistributor */
#define ITS_PORT    0x2000u
#define MEMORY      ((uint64_t)8 << 20) /* that the driver may allocate */
#define LPI_END     16384u
#define EVENTS      4096u /* translations that the fake can store */
#define DEVICES     512u
#define COMMAND     32u

enum { CTLR = 0x00, TYPER = 0x08, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER = 0x100 };
enum { GICR_CTLR = 0x00, GICR_TYPER = 0x08, PROPBASER = 0x70, PENDBASER = 0x78 };

#define BASER_FIXED  UINT64_C(0x071f000000000000) /* type and entry size */
#define BASER_DEVICE (UINT64_C(1) << 56 | UINT64_C(7) << 48)
#define BASER_COLL   (UINT64_C(4) << 56 | UINT64_C(7) << 48)
#define INDIRECT     (UINT64_C(1) << 62)
#define VALID        (UINT64_C(1) << 63)
#define SHARE        (UINT64_C(3) << 10)
#define ADDRESS(v)   ((v)&UINT64_C(0x0000fffffffff000))

struct fake_its fake_its;

static struct {
    uint64_t baser[8], cbaser;
    uint32_t ctlr, cwriter, creadr;
    bool stalled;
    struct {
        uint32_t ctlr;
        uint64_t propbaser, pendbaser;
    } redist[FAKE_CPUS];
    struct {
        bool used;
        uint32_t id;
        uint64_t table;
        unsigned bits;
    } device[DEVICES];
    struct {
        bool used;
        uint32_t device, event, line;
        unsigned cpu; /* of its collection */
    } map[EVENTS];
    bool has_collection[FAKE_CPUS];
    uint8_t effective[FAKE_CPUS][LPI_END]; /* cached configuration of each LPI in a redistributor */
    unsigned unsynchronised;               /* CPU that the next SYNC must name; FAKE_CPUS: any */
    uint64_t next;                         /* memory allocated so far */
} m;

/* Memory as seen without the caches: what was cleaned. */
static uint8_t behind[MEMORY];

static uint64_t fake_read(uint64_t at, bool cached)
{
    uint64_t v;
    assert_in_range(at, FAKE_RAM_BASE, FAKE_RAM_BASE + MEMORY - 8);
    memcpy(&v, cached ? (uint8_t *)hal_direct(paddr(at)) : behind + (at - FAKE_RAM_BASE), 8);
    return v;
}

void cache_clean_to_memory(const void *p, size_t n);
void cache_clean_to_memory(const void *p, size_t n)
{
    uint64_t at = hal_direct_to_phys(p).raw - FAKE_RAM_BASE;
    assert_true(at <= MEMORY && n <= MEMORY - at);
    memcpy(behind + at, p, n);
    fake_journal_add("clean");
}

/* ---- The redistributor ---- */

static bool is_cached(uint64_t base)
{
    return (base & SHARE) != 0;
}

static void look_at(unsigned cpu, uint32_t line)
{
    assert_in_range(line, 8192, LPI_END - 1);
    uint64_t base = m.redist[cpu].propbaser, at = ADDRESS(base) + line - 8192;
    m.effective[cpu][line] = (uint8_t)(fake_read(at & ~UINT64_C(7), is_cached(base)) >> at % 8 * 8);
}

static uint64_t keep_share(uint64_t v)
{
    return fake_its.cached ? v : v & ~SHARE;
}

static void start_lpis(unsigned cpu, uint32_t ctlr)
{
    if ((ctlr & 1) != 0 && (m.redist[cpu].ctlr & 1) == 0) {
        uint64_t pending = m.redist[cpu].pendbaser;
        assert_int_equal(m.redist[cpu].propbaser & 31, 13);
        assert_int_equal(ADDRESS(m.redist[cpu].propbaser), ADDRESS(m.redist[0].propbaser));
        assert_int_equal(ADDRESS(pending) & 0xffff, 0);
        for (uint64_t i = 0; i < 2048; i += 8) {
            assert_int_equal(fake_read(ADDRESS(pending) + i, is_cached(pending)), 0);
        }
        assert_true(cpu == 0 || ADDRESS(pending) != ADDRESS(m.redist[0].pendbaser));
    }
    m.redist[cpu].ctlr = fake_its.lpis_stay_on ? ctlr | 1 : ctlr;
}

static uint64_t redist_read(unsigned cpu, uint16_t at)
{
    return at == GICR_CTLR    ? m.redist[cpu].ctlr
           : at == GICR_TYPER ? (fake_its.has_lpis ? 1 : 0) | (FAKE_CPU_NUMBER + cpu) << 8
           : at == PROPBASER  ? m.redist[cpu].propbaser
                              : m.redist[cpu].pendbaser;
}

static void redist_write(unsigned cpu, uint16_t at, uint64_t v)
{
    if (at == GICR_CTLR) {
        start_lpis(cpu, (uint32_t)v);
        return;
    }
    /* Tables may change only while they are not in use. */
    assert_int_equal(m.redist[cpu].ctlr & 1, 0);
    *(at == PROPBASER ? &m.redist[cpu].propbaser : &m.redist[cpu].pendbaser) = keep_share(v);
}

/* ---- Commands ---- */

static uint64_t target(unsigned cpu)
{
    return fake_its.by_address ? FAKE_REDIST + cpu * UINT64_C(0x20000)
                               : (uint64_t)(FAKE_CPU_NUMBER + cpu) << 16;
}

/* Commands for a CPU have taken effect only after a SYNC of its redistributor. */
static void synchronise(uint64_t name)
{
    unsigned cpu = 0;
    while (cpu < FAKE_CPUS && target(cpu) != name) {
        cpu++;
    }
    assert_true(cpu < FAKE_CPUS);
    assert_true(m.unsynchronised == FAKE_CPUS || m.unsynchronised == cpu);
    m.unsynchronised = FAKE_CPUS;
}

/* Collections are numbered like the CPUs. */
static unsigned cpu_of(uint64_t collection)
{
    assert_true(collection == 0 || collection == fake_its.other);
    return collection != 0;
}

static void map_collection(const uint64_t w[4])
{
    unsigned collection = (unsigned)(w[2] & 0xffff), cpu = cpu_of(collection);
    assert_int_equal(w[2], target(cpu) | VALID | collection);
    assert_true(fake_its.hcc > collection || (m.baser[1] & VALID) != 0);
    assert_int_equal(m.redist[cpu].ctlr & 1, 1); /* its tables are set up */
    m.has_collection[cpu] = true;
}

static uint64_t table_bytes(uint64_t baser)
{
    return ((baser & 0xff) + 1) * (UINT64_C(0x1000) << 2 * (baser >> 8 & 3));
}

/* Does the device table have memory for this entry? */
static bool reaches(uint32_t id)
{
    uint64_t b = m.baser[0], page = UINT64_C(0x1000) << 2 * (b >> 8 & 3);
    if (id >> fake_its.device_bits != 0) {
        return false;
    }
    if ((b & INDIRECT) == 0) {
        return (uint64_t)id * 8 < table_bytes(b);
    }
    uint64_t slot = id / (page / 8) * 8;
    uint64_t entry = slot < table_bytes(b) ? fake_read(ADDRESS(b) + slot, is_cached(b)) : 0;
    if ((entry & VALID) == 0) {
        return false;
    }
    for (uint64_t i = 0; i < page; i += 8) {
        if (fake_read(ADDRESS(entry) + i, is_cached(b)) != 0) {
            return false; /* an entry that was never mapped */
        }
    }
    return true;
}

static unsigned find_device(uint32_t id)
{
    unsigned i = 0;
    while (i < DEVICES && !(m.device[i].used && m.device[i].id == id)) {
        i++;
    }
    return i;
}

static unsigned find_map(uint32_t device, uint32_t event)
{
    unsigned i = 0;
    while (i < EVENTS && !(m.map[i].used && m.map[i].device == device && m.map[i].event == event)) {
        i++;
    }
    return i;
}

static bool map_device(uint32_t id, const uint64_t w[4])
{
    unsigned i = find_device(id);
    if ((w[2] & VALID) == 0) {
        assert_true(i < DEVICES);
        m.device[i].used = false;
        for (unsigned e = 0; e < EVENTS; e++) {
            /* its events must have been discarded */
            assert_false(m.map[e].used && m.map[e].device == id);
        }
        return true;
    }
    assert_true(i == DEVICES && reaches(id));
    uint64_t table = w[2] & UINT64_C(0x000fffffffffff00);
    unsigned bits = (unsigned)(w[1] & 31) + 1;
    for (uint64_t at = 0; at < (uint64_t)fake_its.entry_bytes << bits; at += 8) {
        assert_int_equal(fake_read(table + at, is_cached(m.baser[0])), 0);
    }
    for (i = 0; m.device[i].used; i++) {
    }
    m.device[i].used = true;
    m.device[i].id = id;
    m.device[i].table = table;
    m.device[i].bits = bits;
    return true;
}

static void map_event(uint32_t id, const uint64_t w[4])
{
    uint32_t event = (uint32_t)w[1], line = (uint32_t)(w[1] >> 32);
    unsigned d = find_device(id), i;
    assert_true(d < DEVICES && event >> m.device[d].bits == 0 && m.has_collection[0]);
    assert_int_equal(find_map(id, event), EVENTS);
    assert_int_equal(w[2] & 0xffff, 0);
    for (i = 0; m.map[i].used; i++) {
        assert_int_not_equal(m.map[i].line, line);
    }
    m.map[i].used = true;
    m.map[i].device = id;
    m.map[i].event = event;
    m.map[i].line = line;
    m.map[i].cpu = 0;
    look_at(0, line);
}

static unsigned must_find_map(uint32_t device, uint32_t event)
{
    unsigned i = find_map(device, event);
    assert_true(i < EVENTS);
    m.unsynchronised = m.map[i].cpu;
    return i;
}

static void move_event(uint32_t id, uint32_t event, uint64_t collection)
{
    unsigned i = must_find_map(id, event);
    assert_true(m.has_collection[cpu_of(collection)]);
    m.map[i].cpu = cpu_of(collection);
    look_at(cpu_of(collection), m.map[i].line);
}

static void carry_out(const uint64_t w[4])
{
    uint32_t id = (uint32_t)(w[0] >> 32), event = (uint32_t)w[1];
    unsigned number = (unsigned)(w[0] & 0xff), i;
    fake_its.commands[number]++;
    switch (number) {
    case 0x05: /* SYNC */
        synchronise(w[2]);
        break;
    case 0x01: /* MOVI */
        move_event(id, event, w[2]);
        break;
    case 0x08: /* MAPD */
        map_device(id, w);
        break;
    case 0x09: /* MAPC */
        map_collection(w);
        break;
    case 0x0a: /* MAPTI */
        map_event(id, w);
        break;
    case 0x0c: /* INV */
        i = must_find_map(id, event);
        look_at(m.map[i].cpu, m.map[i].line);
        break;
    case 0x0d: /* INVALL */
        assert_true(m.has_collection[cpu_of(w[2])]);
        break;
    case 0x0f: /* DISCARD */
        m.map[must_find_map(id, event)].used = false;
        break;
    default:
        fail_msg("command 0x%02x", number);
    }
}

static void work(void)
{
    uint64_t bytes = ((m.cbaser & 0xff) + 1) * 0x1000;
    while ((m.ctlr & 1) != 0 && !fake_its.hangs && m.creadr != m.cwriter) {
        uint64_t w[4];
        for (unsigned i = 0; i < 4; i++) {
            w[i] = fake_read(ADDRESS(m.cbaser) + m.creadr + 8 * i, is_cached(m.cbaser));
        }
        if (fake_its.refusals > 0 && (w[0] & 0xff) == fake_its.refuse) {
            fake_its.refusals--;
            m.stalled = true;
            return;
        }
        carry_out(w);
        m.creadr = (uint32_t)((m.creadr + COMMAND) % bytes);
    }
}

/* Stores before the doorbell must have been made visible by a barrier or a cache clean. */
static void expect_published(void)
{
    const char *j = fake_journal();
    size_t n = strlen(j);
    assert_true(n >= 3);
    assert_true(strcmp(j + n - 3, "wmb") == 0 || (n >= 5 && strcmp(j + n - 5, "clean") == 0));
}

static void ring(uint64_t v)
{
    assert_true((m.cbaser & VALID) != 0);
    m.cwriter = (uint32_t)v & 0xfffe0;
    if ((m.ctlr & 1) == 0) {
        m.creadr = 0;
        return;
    }
    expect_published();
    if (m.stalled && (v & 1) == 0) {
        return;
    }
    m.stalled = false;
    work();
}

/* ---- The ITS's registers ---- */

static uint64_t typer(void)
{
    return (uint64_t)(fake_its.entry_bytes - 1) << 4 | UINT64_C(15) << 8 |
           (uint64_t)(fake_its.device_bits - 1) << 13 | (fake_its.by_address ? 1u << 19 : 0) |
           (uint64_t)fake_its.hcc << 24 |
           (fake_its.id_bits == 0 ? 0 : UINT64_C(1) << 36 | (uint64_t)(fake_its.id_bits - 1) << 32);
}

static uint64_t its_read(uint16_t at)
{
    fake_its.register_reads++;
    switch (at) {
    case CTLR:
        return m.ctlr | ((m.ctlr & 1) == 0 && !fake_its.never_stops ? 1u << 31 : 0);
    case TYPER:
        return typer();
    case CREADR:
        return m.creadr | (m.stalled ? 1 : 0);
    case CBASER:
        return m.cbaser;
    default:
        assert_in_range(at, BASER, BASER + 56);
        return m.baser[(at - BASER) / 8];
    }
}

static void write_baser(unsigned n, uint64_t v)
{
    unsigned page = (unsigned)(v >> 8 & 3);
    assert_int_equal(m.ctlr & 1, 0);
    if ((m.baser[n] & BASER_FIXED) == 0) {
        return;
    }
    while ((fake_its.pages >> page & 1) == 0) {
        page = (page + 1) % 3; /* a reserved value: the field keeps the old one */
    }
    v = (v & ~(BASER_FIXED | UINT64_C(3) << 8)) | (m.baser[n] & BASER_FIXED) | page << 8;
    if (!fake_its.indirect || n != 0) {
        v &= ~INDIRECT;
    }
    m.baser[n] = keep_share(v);
    if ((v & VALID) != 0) {
        assert_int_equal(ADDRESS(v) % (UINT64_C(0x1000) << 2 * page), 0);
    }
}

static void its_write(uint16_t at, uint64_t v)
{
    switch (at) {
    case CTLR:
        m.ctlr = (uint32_t)v & 1;
        work();
        break;
    case CBASER:
        assert_int_equal(m.ctlr & 1, 0);
        assert_int_equal(ADDRESS(v) & 0xffff, 0);
        m.cbaser = keep_share(v);
        m.creadr = 0;
        break;
    case CWRITER:
        ring(v);
        break;
    default:
        assert_in_range(at, BASER, BASER + 56);
        write_baser((unsigned)(at - BASER) / 8, v);
        break;
    }
}

static uint64_t port_read(uint16_t port, unsigned bytes)
{
    (void)bytes;
    return port < OTHER_PORT ? redist_read(0, port - REDIST_PORT)
           : port < ITS_PORT ? redist_read(1, port - OTHER_PORT)
                             : its_read(port - ITS_PORT);
}

static void port_write(uint16_t port, unsigned bytes, uint64_t v)
{
    (void)bytes;
    if (port < OTHER_PORT) {
        redist_write(0, port - REDIST_PORT, v);
    } else if (port < ITS_PORT) {
        redist_write(1, port - OTHER_PORT, v);
    } else {
        its_write(port - ITS_PORT, v);
    }
}

/* ---- The driver's services ---- */

static enum status map(uint64_t base, uint64_t len, struct io_region *out)
{
    assert_int_equal(base, FAKE_ITS_BASE);
    *out = (struct io_region){.base = ITS_PORT, .len = len, .is_port = true};
    return OK;
}

static void unmap(const struct io_region *region)
{
    (void)region;
}

static uint64_t round_up(uint64_t len)
{
    uint64_t n = 0x1000;
    while (n < len) {
        n *= 2;
    }
    return n;
}

/* The contents are undefined, and differ between caches and memory. */
static enum status alloc(uint64_t len, paddr_t *out)
{
    if (fake_its.allocations_left == 0) {
        return E_NOMEM;
    }
    fake_its.allocations_left -= fake_its.allocations_left > 0 ? 1 : 0;
    uint64_t n = round_up(len), at = (m.next + n - 1) & ~(n - 1);
    assert_true(at + n <= MEMORY);
    m.next = at + n;
    *out = paddr(FAKE_RAM_BASE + at);
    memset(hal_direct(*out), 0xa5, n);
    memset(behind + at, 0x5a, n);
    fake_its.bytes_out += n;
    return OK;
}

static void give_back(paddr_t base, uint64_t len)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        assert_false(m.device[i].used && m.device[i].table == base.raw);
    }
    fake_its.bytes_out -= round_up(len);
}

const struct gic_mapper fake_its_mapper = {
    .map = map, .unmap = unmap, .alloc = alloc, .free = give_back};

static struct gicv3_cpu cpu(unsigned i, uint16_t port)
{
    return (struct gicv3_cpu){
        .redist = {.base = port, .len = 0x800, .is_port = true},
        .redist_base = FAKE_REDIST + i * UINT64_C(0x20000),
        .number = FAKE_CPU_NUMBER + i,
        .id_bits = 16,
    };
}

struct gicv3_cpu fake_its_cpu(void)
{
    m.ctlr = fake_its.was_on ? 1 : 0;
    m.redist[0].ctlr = m.redist[1].ctlr = fake_its.was_on || fake_its.lpis_stay_on ? 1 : 0;
    return cpu(0, REDIST_PORT);
}

struct gicv3_cpu fake_its_other_cpu(void)
{
    return cpu(1, OTHER_PORT);
}

bool probe_read32(const volatile void *p, uint32_t *out)
{
    (void)p;
    (void)out; /* the result does not matter, only whether there is one */
    return !fake_its.is_absent;
}

void fake_its_reset(void)
{
    fake_reset();
    memset(&m, 0, sizeof(m));
    m.unsynchronised = FAKE_CPUS;
    m.baser[0] = BASER_DEVICE;
    m.baser[1] = BASER_COLL;
    fake_its = (struct fake_its){.indirect = true,
                                 .cached = true,
                                 .pages = 7,
                                 .device_bits = 16,
                                 .entry_bytes = 12,
                                 .other = 1,
                                 .has_lpis = true,
                                 .allocations_left = -1};
    fake_on_port_read = port_read;
    fake_on_port_write = port_write;
}

uint32_t fake_its_message(uint32_t device_id, uint32_t event)
{
    unsigned i = find_map(device_id, event);
    if (i == EVENTS || (m.ctlr & 1) == 0 || (m.redist[m.map[i].cpu].ctlr & 1) == 0) {
        return FAKE_ITS_NONE;
    }
    uint32_t line = m.map[i].line;
    return (m.effective[m.map[i].cpu][line] & 1) != 0 ? line : FAKE_ITS_NONE;
}

unsigned fake_its_message_cpu(uint32_t device_id, uint32_t event)
{
    assert_int_not_equal(fake_its_message(device_id, event), FAKE_ITS_NONE);
    return m.map[find_map(device_id, event)].cpu;
}
