// SPDX-License-Identifier: MIT
//
// Message interrupts on GICv3, in three files: gicv3_lpi.c has the tables that redistributors read
// about message lines (LPIs), gicv3_its.c those that the Interrupt Translation Service reads and
// the commands to it, gicv3_msi.c the assignment of lines to devices. GIC architecture 3 and 4 (IHI
// 0069), chapters 5, 6 and 12.
//
// The path of an interrupt: a device writes its event number to GITS_TRANSLATER, and the bus adds
// the device's id. The ITS finds the LPI and the collection in its tables and tells the
// redistributor of the collection's CPU. That marks the LPI pending in its own table. If the LPI is
// enabled in the table of properties, the redistributor interrupts the CPU.
//
// To set up a line: lpi_init() and its_init() once; its_map_device() for the device;
// its_map_event() for each event; then enable the LPI with lpi_set_enabled(), which takes effect
// with its_invalidate(). To move a line: its_reach_cpu() for the target, then its_move_event(). To
// remove it: its_discard_event(), and its_unmap_device() after the device's last event.
//
// None of these files executes an instruction that only this machine has, so host tests run them
// against a model of an ITS.
#pragma once

#include "arch/aarch64/gic.h"

#include <stdatomic.h>

/* The size for which the tables are made. LPIs need at least 14 bits of INTID. */
#define LPI_ID_BITS 14u
#define LPI_COUNT   (IRQ_LINE_MAX - GIC_LPI_FIRST)

/** The shareability of tables in GICR_* and GITS_* base registers: bits 11 to 10. */
#define GIC_SHARE_INNER (UINT64_C(1) << 10)
#define GIC_SHARE_MASK  (UINT64_C(3) << 10)

/** Inner cacheability: the position of the field differs between registers. */
#define GIC_CACHE_NONE  UINT64_C(1)
#define GIC_CACHE_WRITE UINT64_C(7) /* write-back, allocate on read and write */

/**
 * @brief Fill the tables of all LPIs, masked, and let this CPU's redistributor use them.
 * @return OK; E_NOTSUP: no LPIs here; E_BUSY: the firmware's tables are in use and cannot be
 * replaced; E_NOMEM; E_TIMEDOUT.
 * @context{early, once}
 */
enum status lpi_init(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper);

/**
 * @brief Let another CPU's redistributor use the tables. Does nothing if it does already.
 * @return OK; E_NOTSUP: it has no LPIs; E_BUSY: its firmware's tables are in use and cannot be
 * replaced; E_NOMEM; E_TIMEDOUT.
 * @pre lpi_init(). @context{thread or interrupts masked, one caller at a time}
 */
enum status lpi_join(const struct gicv3_cpu *cpu, const struct gic_mapper *mapper);

/** @brief Enable or disable an LPI. Takes effect with the next its_invalidate() for its event.
 * @context{any, one CPU at a time for one line} */
void lpi_set_enabled(uint32_t line, bool is_enabled);

/**
 * @brief Map an ITS and check that it exists.
 * @param base  Physical address of its registers.
 * @return OK; E_INVAL: the size of the register area is impossible; E_NODEV: there is no device;
 * E_NOMEM.
 * @context{early, once}
 */
enum status its_open(uint64_t base, uint64_t len, const struct gic_mapper *mapper);

/**
 * @brief Initialise it: its tables, its queue, and collection 0, which is this CPU.
 * @return OK; E_INVAL: tables of the required form cannot be allocated; E_NOMEM; E_TIMEDOUT; E_IO:
 * it refuses commands.
 * @pre its_open() and lpi_init(). @context{early, once}
 */
enum status its_init(const struct gicv3_cpu *cpu);

/** @brief log2 of the number of events that a device can have. @context{any} */
unsigned its_event_bits(void);
/** @brief Bytes of memory for the translations of 2^bits events. @context{any} */
uint64_t its_table_bytes(unsigned bits);

/**
 * @brief Assign a table of translations to a device.
 * @param table  Zeroed memory of its_table_bytes(bits), aligned to 256 bytes. It belongs to the ITS
 * until its_unmap_device() has succeeded.
 * @return OK; E_RANGE: the id is too large for the ITS; E_NOMEM; E_TIMEDOUT; E_IO.
 * @context{thread or interrupts masked}
 */
enum status its_map_device(uint32_t device_id, paddr_t table, unsigned bits);
/** @brief Remove the device's table. @return OK; E_TIMEDOUT or E_IO: the ITS may still
 * use the table. */
enum status its_unmap_device(uint32_t device_id);

/** @brief Make a device's event raise an LPI on CPU 0, or stop raising one. @param cpu  The CPU
 * that it interrupted so far. @return OK; E_TIMEDOUT; E_IO. */
enum status its_map_event(uint32_t device_id, uint32_t event, uint32_t line);
enum status its_discard_event(uint32_t device_id, uint32_t event, cpu_t cpu);

/**
 * @brief Make the event raise its LPI on another CPU. A pending interrupt moves with it. @pre
 * its_reach_cpu(to).
 * @return OK; E_TIMEDOUT; E_IO.
 */
enum status its_move_event(uint32_t device_id, uint32_t event, cpu_t from, cpu_t to);

/**
 * @brief Allow LPIs to be sent to a CPU. Does nothing if they are allowed already.
 * @param its_cpu  That CPU.
 * @return OK; E_RANGE: the ITS does not have that many collections; as lpi_join(); E_TIMEDOUT;
 * E_IO.
 * @context{thread or interrupts masked, one caller at a time}
 */
enum status its_reach_cpu(cpu_t cpu, const struct gicv3_cpu *its_cpu);

/** @brief Make the redistributor read the properties of the event's LPI again. Has happened when
 * this returns. @return OK; E_TIMEDOUT; E_IO. @context{any} */
enum status its_invalidate(uint32_t device_id, uint32_t event, cpu_t cpu);

/** @brief Write data for the GIC to memory, if it does not read the caches. @param
 * is_cached  Result for the table's base register. */
void gic_publish(const void *p, size_t n, bool is_cached);
