// SPDX-License-Identifier: MIT
//
// Shared by the files that read the device tree:
// interrupts, and nodes that have a file of their own.
#pragma once

#include "boot/fdt.h"
#include "hal/bootinfo.h"

/** A tree that is being read. */
struct dt {
    struct fdt fdt;
    const uint8_t *bytes; /* the whole tree, ... */
    uint64_t phys;        /* ... and its address */
    struct boot_info *info;
    bool has_gic;
    bool is_memory_known; /* from another source, so the tree's memory nodes are not read */
    uint32_t gic_phandle;
    /* cells of a unit address in an interrupt-map, before the specifier */
    uint32_t gic_address_cells;
    uint32_t its_phandle, v2m_phandle; /* of the controllers in boot_gic; 0: none */
    /* fdt_id() of nodes; UINT32_MAX: none */
    uint32_t cpus_id, reserved_id;
    uint32_t stdout_id; /* the node that /chosen names */
};

/** Cells of a GIC interrupt specifier: kind, number, flags. */
#define DT_GIC_CELLS 3u

/**
 * @brief Decode a GIC interrupt specifier.
 * @param cells  DT_GIC_CELLS big-endian cells.
 * @return false: neither a shared nor a private interrupt, or out of range.
 * @context{early}
 */
bool dt_gic_line(const uint8_t *cells, uint32_t *line, bool *is_level);

/**
 * @brief The line of interrupt `index` of a node, from "interrupts-extended" or "interrupts".
 * @return false: absent, or it is not connected to the GIC.
 * @context{early}
 */
bool dt_interrupt(const struct dt *dt, const struct fdt_node *node, uint32_t index, uint32_t *line);

/**
 * @brief Entry `index` of a device's "reg", as fdt_reg() returns it. Registers must be aligned,
 * because an unaligned access to device memory faults.
 * @return false: as fdt_reg(), or the base is not a multiple of 8; `base` and `len` are unchanged.
 * @context{early}
 */
bool dt_registers(const struct dt *dt, const struct fdt_node *node, uint32_t index, uint64_t *base,
                  uint64_t *len);

/** @brief Read the node if it is a GICv2 or GICv3; the first one wins. @context{early} */
void dt_read_gic(struct dt *dt, const struct fdt_node *node);

/** @brief Read the node if it is an ITS or a v2m frame; the first of each wins. @context{early} */
void dt_read_gic_messages(struct dt *dt, const struct fdt_node *node);

/** @brief Read the node if it is the architecture's timer. @context{early} */
void dt_read_timer(struct dt *dt, const struct fdt_node *node);

/** @brief Read the node if it is a PCI host with ECAM. @context{early} */
void dt_read_pci(struct dt *dt, const struct fdt_node *node);

/** @brief Read the node if it is a CPU, that is, below /cpus. @context{early} */
void dt_read_cpu(struct dt *dt, const struct fdt_node *node);

/**
 * @brief Read the node if it is a UART or a PL031. The one that /chosen names has precedence.
 * @context{early}
 */
void dt_read_serial(struct dt *dt, const struct fdt_node *node);
void dt_read_rtc(struct dt *dt, const struct fdt_node *node);
void dt_read_fw_cfg(struct dt *dt, const struct fdt_node *node);
