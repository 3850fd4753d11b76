// SPDX-License-Identifier: MIT
//
// An ITS and a redistributor made of the architecture's rules (IHI 0069): it reads its tables and
// commands from memory as its registers say, sees of uncached memory only what was cleaned, and of
// an LPI's enable bit only what it was told to look at. A breach ends the test.
#pragma once

#include "arch/aarch64/gic.h"

#define FAKE_ITS_BASE   UINT64_C(0x8080000)
#define FAKE_REDIST     UINT64_C(0x80a0000) /* physical */
#define FAKE_CPU_NUMBER 5u
#define FAKE_CPUS       2u /* the next one's redistributor has the next number */

#define FAKE_ITS_NONE 0u /* no line */

/** What kind of ITS it is, and how it misbehaves: set between fake_its_reset() and the driver. */
struct fake_its {
    bool indirect;        /* the device table may have two levels */
    bool cached;          /* it looks into the caches */
    bool by_address;      /* GITS_TYPER.PTA */
    unsigned hcc;         /* collections that need no table */
    unsigned pages;       /* bit n: pages of 4 << 2n KiB */
    unsigned device_bits; /* of ids */
    unsigned entry_bytes; /* of a device's translations */
    bool has_lpis, lpis_stay_on, was_on;
    unsigned id_bits;        /* of collections; 0: it does not say, and has 16 */
    unsigned other;          /* the second CPU's number */
    bool is_absent;          /* nothing is there */
    unsigned refuse;         /* command that it refuses ... */
    unsigned refusals;       /* ... so many times */
    bool hangs, never_stops; /* no command is carried out; it does not become quiescent */
    int allocations_left;    /* -1: no limit */
    uint64_t register_reads;
    unsigned commands[256]; /* carried out, by number */
    uint64_t bytes_out;     /* memory that the driver has */
};
extern struct fake_its fake_its;

/** @brief An ITS like QEMU's, off. */
void fake_its_reset(void);

extern const struct gic_mapper fake_its_mapper;
/** @brief The CPU that interrupts go to, and another one. */
struct gicv3_cpu fake_its_cpu(void);
struct gicv3_cpu fake_its_other_cpu(void);

/** @brief A device writes `event` to the ITS. @return the line that interrupts, or FAKE_ITS_NONE.
 */
uint32_t fake_its_message(uint32_t device_id, uint32_t event);
/** @brief On which of the CPUs: 0 or 1. @pre it does interrupt */
unsigned fake_its_message_cpu(uint32_t device_id, uint32_t event);
