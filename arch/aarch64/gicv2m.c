// SPDX-License-Identifier: MIT
//
// GICv2m: a frame with one register. Storing an SPI's number there raises that SPI. Server Base
// System Architecture (DEN0029), appendix E.
#include "arch/aarch64/gic.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>

#define MSI_TYPER     0x008
#define MSI_SETSPI_NS 0x040

#define TYPER_FIRST(v) ((v) >> 16 & 0x3ffu)
#define TYPER_COUNT(v) ((v)&0x3ffu)

#define WORD_BITS 64u
#define SPIS_MAX  1024u

static uint64_t frame_base; /* physical */
static uint32_t first, count;

/* A set bit is a line in use. Relaxed, because nothing but the bit itself is passed on. */
static _Atomic uint64_t in_use[SPIS_MAX / WORD_BITS];

enum status gicv2m_init(uint64_t base, uint64_t len, const struct gic_mapper *mapper)
{
    struct io_region frame;
    if (len < MSI_SETSPI_NS + 4) {
        return E_INVAL;
    }
    enum status s = mapper->map(base, len, &frame);
    if (s != OK) {
        return s;
    }
    uint32_t typer = io_read32(&frame, MSI_TYPER);
    mapper->unmap(&frame);
    if (TYPER_COUNT(typer) == 0 || TYPER_FIRST(typer) < GIC_PPI_END ||
        TYPER_FIRST(typer) + TYPER_COUNT(typer) > GIC_INTID_END) {
        return E_NODEV;
    }
    frame_base = base;
    first = TYPER_FIRST(typer);
    count = TYPER_COUNT(typer);
    return OK;
}

/* @return false: it is in use already. */
static bool set_used(uint32_t i)
{
    uint64_t bit = UINT64_C(1) << i % WORD_BITS;
    uint64_t old = atomic_fetch_or_explicit(&in_use[i / WORD_BITS], bit, memory_order_relaxed);
    return (old & bit) == 0;
}

/* Allocate consecutive SPIs from `at` on; fewer than `wanted` if one is in use. */
static uint32_t take_run(uint32_t at, uint32_t wanted)
{
    uint32_t n = 0;
    while (n < wanted && at + n < count && set_used(at + n)) {
        n++;
    }
    return n;
}

static void free_run(uint32_t at, uint32_t n)
{
    for (uint32_t i = at; i < at + n; i++) {
        atomic_fetch_and_explicit(&in_use[i / WORD_BITS], ~(UINT64_C(1) << i % WORD_BITS),
                                  memory_order_relaxed);
    }
}

/* Choose the first run that is long enough, otherwise the longest. */
static enum status alloc(uint32_t device_id, uint32_t wanted, uint32_t *line, uint32_t *taken)
{
    uint32_t best = 0, best_len = 0, n;
    (void)device_id;
    for (uint32_t at = 0; at < count && best_len < wanted; at += n + 1) {
        n = take_run(at, wanted);
        if (n > best_len) {
            free_run(best, best_len);
            best = at;
            best_len = n;
        } else {
            free_run(at, n);
        }
    }
    if (best_len == 0) {
        return E_NOSPC;
    }
    *line = first + best;
    *taken = best_len;
    return OK;
}

static void free_lines(uint32_t device_id, uint32_t line, uint32_t n)
{
    (void)device_id;
    free_run(line - first, n);
}

static void compose(uint32_t line, uint64_t *address, uint32_t *data)
{
    *address = frame_base + MSI_SETSPI_NS;
    *data = line;
}

const struct msi_controller gicv2m_controller = {
    .name = "gicv2m",
    .alloc = alloc,
    .free = free_lines,
    .compose = compose,
    .can_mask = true,
};
