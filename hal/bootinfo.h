// SPDX-License-Identifier: MIT
//
// What the kernel knows about its machine, whichever firmware or loader provided it.
//
// The parsers under boot/ fill one struct boot_info from foreign bytes (Multiboot2, PVH, UEFI,
// flattened device tree, ACPI). It OWNS copies of everything: once it is filled, no foreign table
// is read again, and the memory of these tables is ordinary memory. It has fixed arrays and no
// pointers, because it is copied before a heap exists. Nothing here interprets the data: for
// example, platform.c chooses the interrupt controller's driver.
#pragma once

#include "hal/types.h"

#define BOOT_MAX_RANGES   128 /* after sorting and merging */
#define BOOT_MAX_MODULES  8
#define BOOT_MAX_CPUS     CPU_MAX
#define BOOT_MAX_PCI      4
#define BOOT_MAX_GIC      8
#define BOOT_MAX_IOAPIC   8
#define BOOT_MAX_OVERRIDE 24
#define BOOT_CMDLINE_MAX  2048 /* bytes, including the final zero */
#define BOOT_MAX_NOTES    16
#define BOOT_NOTE_MAX     96
#define BOOT_MAX_INTX     128
#define BOOT_SEED_MAX     64 /* bytes that are kept: the size of a generator's state */
#define BOOT_MAX_MSI_MAP  8

enum boot_protocol {
    BOOT_NONE,
    BOOT_MULTIBOOT2,
    BOOT_PVH,
    BOOT_FDT,
    BOOT_EFI,
};

enum boot_range_kind {
    BOOT_RAM,          /**< free to use, except where the kernel or a module is (boot_reserved) */
    BOOT_RESERVED,     /**< exists and belongs to firmware or a device; also any unknown kind */
    BOOT_ACPI_RECLAIM, /**< RAM that contains ACPI tables; usable, because they have been copied */
    BOOT_ACPI_NVS,     /**< must never be accessed */
    BOOT_BAD,          /**< defective, according to firmware */
};

/** Physical bytes [base, base + len). In `ranges`: page aligned, sorted, not overlapping,
 * len > 0. */
struct boot_range {
    uint64_t base;
    uint64_t len;
    enum boot_range_kind kind;
};

/** A file that the loader put into memory. It remains there, reserved. */
struct boot_module {
    uint64_t base; /* physical, any alignment */
    uint64_t len;
    char name[64]; /* the loader's string, cut to fit, zero terminated */
};

struct boot_framebuffer {
    bool present;
    uint64_t base; /* physical */
    uint64_t len;  /* size of the screen's memory in bytes, 0 = not known */
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

/** A bridge from CPU to PCI. Windows are {CPU physical, PCI bus, length}; length 0 = absent. */
struct boot_pci_window {
    uint64_t cpu, bus, len;
};

/** A PCI pin in the tree's interrupt-map: from device
 * slot and pin to a line of the interrupt controller. */
struct boot_pci_intx {
    uint32_t devfn_key;  /* first cell of the child unit address, already masked */
    uint32_t devfn_mask; /* first cell of interrupt-map-mask */
    uint8_t pin;         /* 1 = INTA .. 4 = INTD */
    uint32_t line;       /* interrupt number in hal/irq.h's numbering (GIC: INTID) */
    bool level;
};

/** Part of the tree's msi-map: messages of requester ids [first, first + len) reach the message
 * controller with device ids from `device` on. */
struct boot_pci_msi {
    uint32_t first, device, len;
};

struct boot_pci_host {
    /* physical address of the configuration space of
     * bus_first; 0 = no ECAM, use ports 0xCF8/0xCFC */
    uint64_t ecam_base;
    uint64_t ecam_len;
    uint16_t segment;
    uint8_t bus_first, bus_last;
    struct boot_pci_window io, mem32, mem64;
    uint32_t intx_count;
    struct boot_pci_intx intx[BOOT_MAX_INTX];
    bool has_msi_map;  /* false: device ids are requester ids */
    uint32_t msi_mask; /* bits of a requester id that the map uses */
    uint32_t msi_count;
    struct boot_pci_msi msi[BOOT_MAX_MSI_MAP];
    bool dma_coherent;
};

/** ARM interrupt controller, as described by the tree or the MADT. */
struct boot_gic {
    uint8_t version; /* 0 = none, 2, 3 */
    uint64_t dist_base, dist_len;
    uint64_t cpu_base, cpu_len; /* GICv2 CPU interface */
    uint32_t redist_count;      /* GICv3 redistributor regions */
    struct {
        uint64_t base, len;
    } redist[BOOT_MAX_GIC];
    uint64_t redist_stride; /* distance between redistributors; 0 = as their registers indicate */
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

/** Contents of the ACPI tables; 0 or empty if a table is absent. */
struct boot_acpi {
    bool present;
    /* physical address where acpi_parse() starts, in
     * firmware or in the loader's block; 0 = unknown */
    uint64_t rsdp;
    uint64_t lapic_base;
    uint32_t ioapic_count;
    struct boot_ioapic ioapic[BOOT_MAX_IOAPIC];
    uint32_t override_count;
    struct boot_irq_override override[BOOT_MAX_OVERRIDE];
    uint64_t hpet_base;
    uint32_t pm_timer_port;  /* I/O port, 0 = none */
    bool pm_timer_is_32_bit; /* otherwise its counter has 24 bits */
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
    uint32_t line;     /* interrupt, in hal/irq.h's numbering; IRQ_LINE_NONE = none */
    uint32_t clock_hz; /* 0 = unknown, do not change the divisor */
    uint8_t reg_shift;
    bool has_early; /* set by the platform: hal_early_write() writes to this UART */
};

/** What may provide a seed. */
enum boot_seed_source {
    BOOT_SEED_KASLR,    /* kaslr-seed of a device tree */
    BOOT_SEED_RNG,      /* rng-seed of it */
    BOOT_SEED_FIRMWARE, /* UEFI's random numbers */
    BOOT_SEED_SOURCES,
};

/** Random bytes from the loader for this boot. After seeding a generator with them, clear them
 * here: they must neither be used twice nor remain in memory. */
struct boot_seed {
    uint32_t len; /* number of bytes; 0 = the loader provided none */
    uint8_t bytes[BOOT_SEED_MAX];
    /* physical: memory that the machine's boot code must clear; no length = none */
    struct {
        uint64_t at, len;
    } sources[BOOT_SEED_SOURCES];
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
    char loader[64]; /* the boot loader's name for itself, or "" */

    uint32_t range_count;
    /* Sorted, page aligned, disjoint; RAM only as far
     * as the CPU and the direct map can address it. */
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
    struct boot_time time;            /* for firmware that keeps the clock for itself */

    struct boot_seed seed;

    /* Kernel image as loaded: physical [base, base + len), page aligned. */
    uint64_t image_base, image_len;

    /* RAM that the bootstrap tables map in the direct map, and from which early frames may come. */
    uint64_t early_base, early_len;

    /* Oddities that a parser found and tolerated: printed once the log works. */
    uint32_t note_count;
    char notes[BOOT_MAX_NOTES][BOOT_NOTE_MAX];
};
