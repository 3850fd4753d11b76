// SPDX-License-Identifier: MIT
//
// Messages on GICv3, in three files: gicv3_lpi.c has what the redistributors read of message lines
// (LPIs), gicv3_its.c what the Interrupt Translation Service reads and the commands to it,
// gicv3_msi.c who has which line. GIC architecture 3 and 4 (IHI 0069), chapters 5, 6 and 12. None
// of them executes an instruction of this CPU, so the host's tests run them against an ITS of their
// own.
#pragma once

#include "arch/aarch64/gic.h"

#include <stdatomic.h>

/* What the tables are made for. 14 bits of INTID are the fewest that LPIs can have. */
#define LPI_ID_BITS 14u
#define LPI_COUNT   (IRQ_LINE_MAX - GIC_LPI_FIRST)

/** How tables in memory are reached by GICR_* and GITS_* base registers: bits 11 to 10. */
#define GIC_SHARE_INNER (UINT64_C(1) << 10)
#define GIC_SHARE_MASK  (UINT64_C(3) << 10)

/** Inner cacheability: its field's place differs between the registers. */
#define GIC_CACHE_NONE  UINT64_C(1)
#define GIC_CACHE_WRITE UINT64_C(7) /* write-back, allocate on read and write */

/**
 * @brief Fill the tables of all LPIs, masked, and let this CPU's redistributor use them.
 * @return OK; E_NOTSUP: no LPIs here; E_BUSY: the firmware's tables are in use and stay; E_NOMEM;
 * E_TIMEDOUT.
 * @context{early, once}
 */
enum status lpi_init(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper);

/**
 * @brief Let another CPU's redistributor use the tables; nothing, if it does already.
 * @return OK; E_NOTSUP: it has no LPIs; E_BUSY: its firmware's tables are in use and stay; E_NOMEM;
 * E_TIMEDOUT.
 * @pre lpi_init(). @context{thread or interrupts masked, one caller at a time}
 */
enum status lpi_join(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper);

/** @brief Let an LPI through or not, from the next its_invalidate() of its event on. @context{any,
 * one CPU at a time for one line} */
void lpi_set_enabled(uint32_t line, bool is_enabled);

/**
 * @brief Map an ITS and see whether it is there.
 * @param base  Physical address of its registers.
 * @return OK; E_INVAL: registers of impossible size; E_NODEV: nothing answers there; E_NOMEM.
 * @context{early, once}
 */
enum status its_open(uint64_t base, uint64_t len, const struct gic_mapper *mapper);

/**
 * @brief Take it over: its tables, its queue, and collection 0, which is this CPU.
 * @return OK; E_INVAL: tables that cannot be had; E_NOMEM; E_TIMEDOUT; E_IO: it refuses commands.
 * @pre its_open() and lpi_init(). @context{early, once}
 */
enum status its_init(const struct gicv3_cpu *cpu);

/** @brief log2 of the events that a device may have. @context{any} */
unsigned its_event_bits(void);
/** @brief Bytes of memory for the translations of 2^bits events. @context{any} */
uint64_t its_table_bytes(unsigned bits);

/**
 * @brief Give a device its table of translations.
 * @param table  Zeroed memory of its_table_bytes(bits), 256-byte aligned; the ITS's until
 * its_unmap_device() was carried out.
 * @return OK; E_RANGE: the ITS has no such device; E_NOMEM; E_TIMEDOUT; E_IO.
 * @context{thread or interrupts masked}
 */
enum status its_map_device(uint32_t device_id, paddr_t table, unsigned bits);
/** @brief Take it back. @return OK; E_TIMEDOUT or E_IO: the ITS may still use the table. */
enum status its_unmap_device(uint32_t device_id);

/** @brief Make a device's event raise an LPI on CPU 0, or nothing. @param cpu  Where it went until
 * now. @return OK; E_TIMEDOUT; E_IO. */
enum status its_map_event(uint32_t device_id, uint32_t event, uint32_t line);
enum status its_discard_event(uint32_t device_id, uint32_t event, cpu_t cpu);

/** @brief Make it raise its LPI on another CPU, one that is pending with it. @pre
 * its_reach_cpu(to).
 * @return OK; E_TIMEDOUT; E_IO. */
enum status its_move_event(uint32_t device_id, uint32_t event, cpu_t from, cpu_t to);

/**
 * @brief Let LPIs go to a CPU, if they cannot yet.
 * @param its_cpu  That CPU.
 * @return OK; E_RANGE: the ITS has not that many collections; as lpi_join(); E_TIMEDOUT; E_IO.
 * @context{thread or interrupts masked, one caller at a time}
 */
enum status its_reach_cpu(cpu_t cpu, const struct gicv3_cpu *its_cpu);

/** @brief Make the redistributor look at the event's LPI anew, done on return. @return OK;
 * E_TIMEDOUT; E_IO. @context{any} */
enum status its_invalidate(uint32_t device_id, uint32_t event, cpu_t cpu);

/** @brief Write to memory what the GIC is to read, if it does not look into the caches. @param
 * is_cached  what its base register said. */
void gic_publish(const void *p, size_t n, bool is_cached);
