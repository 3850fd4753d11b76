// SPDX-License-Identifier: MIT
//
// An ITS and a redistributor that follow the architecture (IHI 0069): they read tables and commands
// from memory as their registers specify. Of uncached memory they see only what was cleaned, and a
// changed enable bit of an LPI only after an invalidate command. A violation ends the test.
#pragma once

#include "arch/aarch64/gic.h"

#define FAKE_ITS_BASE   UINT64_C(0x8080000)
#define FAKE_REDIST     UINT64_C(0x80a0000) /* physical */
#define FAKE_CPU_NUMBER 5u
#define FAKE_CPUS       2u /* the other CPU's redistributor has the next number */

#define FAKE_ITS_NONE 0u /* no line */

/** The ITS's features and faults: set between fake_its_reset() and the driver's start. */
struct fake_its {
    bool indirect;        /* the device table may have two levels */
    bool cached;          /* its accesses are cache-coherent */
    bool by_address;      /* GITS_TYPER.PTA */
    unsigned hcc;         /* collections that need no table */
    unsigned pages;       /* bit n: pages of 4 << 2n KiB */
    unsigned device_bits; /* of ids */
    unsigned entry_bytes; /* size of a device's translation entry */
    bool has_lpis, lpis_stay_on, was_on;
    unsigned id_bits;        /* of collections; 0: not reported, and 16 */
    unsigned other;          /* the second CPU's number */
    bool is_absent;          /* there is no ITS */
    unsigned refuse;         /* command that it rejects ... */
    unsigned refusals;       /* ... this many times */
    bool hangs, never_stops; /* hangs: executes no command; never_stops: never becomes quiescent */
    int allocations_left;    /* -1: no limit */
    uint64_t register_reads;
    unsigned commands[256]; /* executed, by number */
    uint64_t bytes_out;     /* memory that the driver has allocated */
};
extern struct fake_its fake_its;

/** @brief Reset to an ITS like QEMU's, switched off. */
void fake_its_reset(void);

extern const struct gic_mapper fake_its_mapper;
/** @brief The CPU that gets the interrupts, and another one. */
struct gicv3_cpu fake_its_cpu(void);
struct gicv3_cpu fake_its_other_cpu(void);

/** @brief A device writes `event` to the ITS. @return the line that
 * interrupts, or FAKE_ITS_NONE. */
uint32_t fake_its_message(uint32_t device_id, uint32_t event);
/** @brief The CPU that gets the interrupt: 0 or 1. @pre the message does interrupt */
unsigned fake_its_message_cpu(uint32_t device_id, uint32_t event);
