// SPDX-License-Identifier: MIT
//
// LPIs, the lines that only messages raise. They have no registers. One table has a byte for each
// line, with its priority and whether it is enabled; all redistributors read it and may cache its
// contents, so a change needs its_invalidate(). Each redistributor also has a table of its own,
// with one bit for each pending line; only the redistributor writes to that.
#include "arch/aarch64/gicv3_its.h"

#include "arch/aarch64/cache.h"
#include "hal/cpu.h"
#include "hal/layout.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define GICR_CTLR      0x0000
#define GICR_TYPER     0x0008
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078

#define CTLR_ENABLE_LPIS (1u << 0)
#define CTLR_RWP         (1u << 3)
#define TYPER_PLPIS      (1u << 0)
#define BASER_CACHE(c)   ((c) << 7)
#define PENDBASER_ZERO   (UINT64_C(1) << 62)
#define BASER_ADDRESS    UINT64_C(0x000ffffffffff000)

#define PROP_ENABLED 0x01u
#define PROP_ONE     0x02u /* RES1 */

#define PROP_BYTES    ((UINT64_C(1) << LPI_ID_BITS) - GIC_LPI_FIRST)
#define PENDING_BYTES ((UINT64_C(1) << LPI_ID_BITS) / 8)
#define PENDING_ALIGN 0x10000u

#define SPINS 1000000u /* far longer than a register really needs */

static uint8_t *properties; /* from line GIC_LPI_FIRST on */
static bool properties_cached;

void gic_publish(const void *p, size_t n, bool is_cached)
{
    if (is_cached) {
        hal_dma_wmb();
    } else {
        cache_clean_to_memory(p, n);
    }
}

/* Try to set up a table that is cached; otherwise one that is not. @return true: cached. */
static bool write_base(const struct io_region *redist, size_t reg, uint64_t value)
{
    io_write64(redist, reg, value | GIC_SHARE_INNER | BASER_CACHE(GIC_CACHE_WRITE));
    if ((io_read64(redist, reg) & GIC_SHARE_MASK) == GIC_SHARE_INNER) {
        return true;
    }
    io_write64(redist, reg, value | BASER_CACHE(GIC_CACHE_NONE));
    return false;
}

/* Firmware may have left LPIs enabled. Some implementations then never release their tables. */
static enum status switch_off(const struct io_region *redist)
{
    uint32_t ctlr = io_read32(redist, GICR_CTLR);
    if ((ctlr & CTLR_ENABLE_LPIS) == 0) {
        return OK;
    }
    io_write32(redist, GICR_CTLR, ctlr & ~CTLR_ENABLE_LPIS);
    for (uint32_t i = 0; i < SPINS; i++) {
        ctlr = io_read32(redist, GICR_CTLR);
        if ((ctlr & CTLR_RWP) == 0) {
            return (ctlr & CTLR_ENABLE_LPIS) == 0 ? OK : E_BUSY;
        }
    }
    return E_TIMEDOUT;
}

static bool has_lpis(const struct gicv3_cpu *cpu)
{
    return (io_read64(&cpu->redist, GICR_TYPER) & TYPER_PLPIS) != 0 && cpu->id_bits >= LPI_ID_BITS;
}

/* All redistributors share the table of properties; each has its own table of pending lines. */
static void start(const struct io_region *redist, paddr_t pending)
{
    memset(hal_direct(pending), 0, PENDING_BYTES);
    if (!write_base(redist, GICR_PROPBASER,
                    hal_direct_to_phys(properties).raw | (LPI_ID_BITS - 1))) {
        properties_cached = false; /* one redistributor that does not read the caches is enough */
    }
    gic_publish(properties, PROP_BYTES, properties_cached);
    bool cached = write_base(redist, GICR_PENDBASER, pending.raw | PENDBASER_ZERO);
    gic_publish(hal_direct(pending), PENDING_BYTES, cached);
    io_write32(redist, GICR_CTLR, io_read32(redist, GICR_CTLR) | CTLR_ENABLE_LPIS);
}

static bool uses_our_tables(const struct io_region *redist)
{
    return (io_read32(redist, GICR_CTLR) & CTLR_ENABLE_LPIS) != 0 &&
           (io_read64(redist, GICR_PROPBASER) & BASER_ADDRESS) ==
               hal_direct_to_phys(properties).raw;
}

enum status lpi_join(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper)
{
    paddr_t pending;
    if (!has_lpis(cpu)) {
        return E_NOTSUP;
    }
    if (uses_our_tables(&cpu->redist)) {
        return OK;
    }
    enum status s = switch_off(&cpu->redist);
    if (s == OK) {
        s = mapper->alloc(PENDING_ALIGN, &pending);
    }
    if (s == OK) {
        start(&cpu->redist, pending);
    }
    return s;
}

enum status lpi_init(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper)
{
    paddr_t prop;
    if (!has_lpis(cpu)) {
        return E_NOTSUP;
    }
    enum status s = switch_off(&cpu->redist);
    if (s == OK) {
        s = mapper->alloc(PROP_BYTES, &prop);
    }
    if (s != OK) {
        return s;
    }
    properties = hal_direct(prop);
    properties_cached = true;
    memset(properties, GIC_PRIORITY | PROP_ONE, PROP_BYTES);
    s = lpi_join(cpu, mapper);
    if (s != OK) {
        mapper->free(prop, PROP_BYTES);
    }
    return s;
}

void lpi_set_enabled(uint32_t line, bool is_enabled)
{
    uint8_t *p = &properties[line - GIC_LPI_FIRST];
    *p = (uint8_t)(GIC_PRIORITY | PROP_ONE | (is_enabled ? PROP_ENABLED : 0));
    gic_publish(p, 1, properties_cached);
}
