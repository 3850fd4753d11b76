// SPDX-License-Identifier: MIT
//
// What the kernel knows about the machine it woke up on, whichever firmware or loader told it.
//
// The parsers under boot/ fill one struct boot_info from foreign bytes (Multiboot2, PVH, UEFI,
// flattened device tree, ACPI). It OWNS copies of everything: once it is filled, no foreign table
// is read again, and their memory is ordinary memory. Fixed arrays, no pointers: it is copied
// before a heap exists. Nothing here interprets: which interrupt controller driver to use, for one,
// is platform.c's choice.
#pragma once

#include "hal/types.h"

#define BOOT_MAX_RANGES   128 /* after sorting and merging */
#define BOOT_MAX_MODULES  8
#define BOOT_MAX_CPUS     CPU_MAX
#define BOOT_MAX_PCI      4
#define BOOT_MAX_GIC      8
#define BOOT_MAX_IOAPIC   8
#define BOOT_MAX_OVERRIDE 24
#define BOOT_CMDLINE_MAX  2048 /* bytes with the final zero */
#define BOOT_MAX_NOTES    16
#define BOOT_NOTE_MAX     96
#define BOOT_MAX_INTX     128
#define BOOT_SEED_MAX     64 /* bytes kept; what the state of a generator takes */
#define BOOT_MAX_MSI_MAP  8

enum boot_protocol {
    BOOT_NONE,
    BOOT_MULTIBOOT2,
    BOOT_PVH,
    BOOT_FDT,
    BOOT_EFI,
};

enum boot_range_kind {
    BOOT_RAM,          /**< free to use, except where the kernel or a module lies (boot_reserved) */
    BOOT_RESERVED,     /**< exists and belongs to firmware or a device; also every unknown kind */
    BOOT_ACPI_RECLAIM, /**< RAM that holds ACPI tables; copied already, so usable */
    BOOT_ACPI_NVS,     /**< never touch */
    BOOT_BAD,          /**< firmware says: defective */
};

/** Physical bytes [base, base + len). In `ranges`: page aligned, sorted, not overlapping, len > 0.
 */
struct boot_range {
    uint64_t base;
    uint64_t len;
    enum boot_range_kind kind;
};

/** A file that the loader put into memory; its bytes stay where they are and are reserved. */
struct boot_module {
    uint64_t base; /* physical, any alignment */
    uint64_t len;
    char name[64]; /* the loader's string, cut to fit, zero terminated */
};

struct boot_framebuffer {
    bool present;
    uint64_t base; /* physical */
    uint64_t len;  /* bytes that are the screen's, 0 = not told */
    uint32_t width, height, pitch_bytes;
    uint8_t bits_per_pixel;
    bool is_text; /* EGA text cells, not pixels */
    uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits;
};

struct boot_cpu {
    uint64_t hw_id; /* local APIC id, or MPIDR affinity bits */
    uint32_t acpi_uid;
    bool enabled;
};

/** One bridge from CPU to PCI. Windows are {CPU physical, PCI bus, length}; length 0 = absent. */
struct boot_pci_window {
    uint64_t cpu, bus, len;
};

/** A PCI pin of the tree's interrupt-map: device slot and pin to a line of the interrupt
 * controller. */
struct boot_pci_intx {
    uint32_t devfn_key;  /* first cell of the child unit address, already masked */
    uint32_t devfn_mask; /* first cell of interrupt-map-mask */
    uint8_t pin;         /* 1 = INTA .. 4 = INTD */
    uint32_t line;       /* interrupt number in hal/irq.h's numbering (GIC: INTID) */
    bool level;
};

/** Part of the tree's msi-map: messages of requester ids [first, first + len) reach the message
 * controller as device ids from `device` on. */
struct boot_pci_msi {
    uint32_t first, device, len;
};

struct boot_pci_host {
    uint64_t ecam_base; /* physical, where the space of bus_first begins; 0 = no ECAM, use ports
                           0xCF8/0xCFC */
    uint64_t ecam_len;
    uint16_t segment;
    uint8_t bus_first, bus_last;
    struct boot_pci_window io, mem32, mem64;
    uint32_t intx_count;
    struct boot_pci_intx intx[BOOT_MAX_INTX];
    bool has_msi_map;  /* false: device ids are requester ids */
    uint32_t msi_mask; /* bits of a requester id that the map is about */
    uint32_t msi_count;
    struct boot_pci_msi msi[BOOT_MAX_MSI_MAP];
    bool dma_coherent;
};

/** ARM interrupt controller as the tree or the MADT describes it. */
struct boot_gic {
    uint8_t version; /* 0 = none, 2, 3 */
    uint64_t dist_base, dist_len;
    uint64_t cpu_base, cpu_len; /* GICv2 CPU interface */
    uint32_t redist_count;      /* GICv3 redistributor regions */
    struct {
        uint64_t base, len;
    } redist[BOOT_MAX_GIC];
    uint64_t redist_stride;     /* from one to the next; 0 = as they say themselves */
    uint64_t its_base, its_len; /* 0 = none */
    uint64_t v2m_base, v2m_len; /* 0 = none */
    uint32_t timer_intid;       /* EL1 virtual timer (the one the kernel uses) */
    uint32_t timer_phys_intid;  /* EL1 non-secure physical timer */
};

struct boot_ioapic {
    uint8_t id;
    uint64_t base;
    uint32_t gsi_base;
};

/** MADT interrupt source override: ISA line `source` arrives at `gsi`. */
struct boot_irq_override {
    uint8_t source;
    uint32_t gsi;
    bool active_low, level;
};

/** What the ACPI tables said, 0 or empty where a table is absent. */
struct boot_acpi {
    bool present;
    uint64_t rsdp; /* physical: where acpi_parse() starts, in firmware or in the loader's block; 0 =
                      unknown */
    uint64_t lapic_base;
    uint32_t ioapic_count;
    struct boot_ioapic ioapic[BOOT_MAX_IOAPIC];
    uint32_t override_count;
    struct boot_irq_override override[BOOT_MAX_OVERRIDE];
    uint64_t hpet_base;
    uint32_t pm_timer_port;  /* I/O port, 0 = none */
    bool pm_timer_is_32_bit; /* else its counter has 24 */
    uint32_t pm1a_cnt_port, pm1b_cnt_port;
    uint16_t s5_slp_typ_a, s5_slp_typ_b; /* from \_S5 in the DSDT */
    bool s5_present;
    bool has_8042, has_cmos_rtc, has_legacy_pic;
    bool reset_present; /* FADT reset register in I/O space */
    uint16_t reset_port;
    uint8_t reset_value;
};

enum boot_uart_kind { BOOT_UART_NONE, BOOT_UART_PL011, BOOT_UART_16550 };

struct boot_uart {
    enum boot_uart_kind kind;
    bool is_port; /* base is an I/O port, not a physical address */
    uint64_t base, len;
    uint32_t line;     /* interrupt, hal/irq.h's numbering; IRQ_LINE_NONE = none */
    uint32_t clock_hz; /* 0 = unknown, leave the divisor alone */
    uint8_t reg_shift;
    bool has_early; /* the platform's: hal_early_write() goes there */
};

/**
 * Random bytes that the loader made for this boot. Whoever seeds a generator with them clears them
 * here: they must not be used twice, nor lie about.
 */
struct boot_seed {
    uint32_t len; /* of bytes; 0 = the loader gave none */
    uint8_t bytes[BOOT_SEED_MAX];
    uint64_t source, source_len; /* physical: what the machine's boot code wipes; 0 = nothing */
};

/** Civil time that firmware read just before the kernel's first instruction. */
struct boot_time {
    bool present;
    uint16_t year; /* 1970 to 9998 */
    uint8_t month, day, hour, minute, second;
    int16_t zone_minutes; /* UTC = this time + zone_minutes */
};

enum boot_psci { BOOT_PSCI_NONE, BOOT_PSCI_HVC, BOOT_PSCI_SMC };

struct boot_info {
    enum boot_protocol protocol;
    char cmdline[BOOT_CMDLINE_MAX];
    char loader[64]; /* name the boot loader gives itself, or "" */

    uint32_t range_count;
    /* Sorted, page aligned, disjoint; RAM only as far as the CPU and the direct map reach. */
    struct boot_range ranges[BOOT_MAX_RANGES];

    /* Sorted, page aligned, disjoint, kind BOOT_RESERVED. */
    uint32_t
        reserved_count; /* inside RAM and not free: kernel image, modules, foreign tables in use */
    struct boot_range reserved[BOOT_MAX_RANGES];

    uint32_t module_count; /* the device tree's initrd is module 0 with name "initrd" */
    struct boot_module modules[BOOT_MAX_MODULES];

    struct boot_framebuffer framebuffer;

    uint32_t cpu_count;
    struct boot_cpu cpus[BOOT_MAX_CPUS];
    uint64_t boot_cpu_hw_id;

    uint32_t pci_count;
    struct boot_pci_host pci[BOOT_MAX_PCI];

    struct boot_acpi acpi;
    struct boot_gic gic;
    struct boot_uart uart;
    enum boot_psci psci;
    uint64_t rtc_base, rtc_len; /* PL031; 0 = none */
    uint32_t rtc_line;
    uint64_t fw_cfg_base, fw_cfg_len; /* QEMU's firmware configuration in memory; 0 = none */
    struct boot_time time;            /* where firmware keeps the clock for itself */

    struct boot_seed seed;

    /* Kernel image as loaded: physical [base, base + len), page aligned. */
    uint64_t image_base, image_len;

    /* RAM that the bootstrap tables map in the direct map, and from which early frames may come. */
    uint64_t early_base, early_len;

    /* Things a parser found odd and survived: printed once the log works. */
    uint32_t note_count;
    char notes[BOOT_MAX_NOTES][BOOT_NOTE_MAX];
};
