// SPDX-License-Identifier: MIT
//
// Opens the tree, and walks it twice: first memory, processors and the interrupt controller, then
// the devices, whose interrupts can be decoded only with the controller.
#include "boot/devicetree.h"

#include "boot/devices.h"
#include "boot/devicetree_internal.h"
#include "boot/note.h"
#include "boot/ranges.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

static enum status open_tree(const struct boot_mem *m, uint64_t phys, struct dt *dt)
{
    const uint8_t *header = boot_mem_map(m, phys, FDT_HEADER_SIZE);
    uint32_t size = header != NULL ? fdt_total_size(header) : 0;
    if (size == 0) {
        boot_note_value(dt->info, "device tree: none at", phys);
        return E_FORMAT;
    }
    if (size > FDT_MAX_SIZE) {
        boot_note_value(dt->info, "device tree: larger than 2 MiB, which is the limit, size", size);
        return E_RANGE;
    }
    const uint8_t *bytes = boot_mem_map(m, phys, size);
    if (bytes == NULL) {
        boot_note_value(dt->info, "device tree: runs past readable memory, size", size);
        return E_CORRUPT;
    }
    const char *why;
    enum status s = fdt_open(bytes, size, &dt->fdt, &why);
    if (s != OK) {
        boot_note(dt->info, "device tree: cannot be read, because of");
        boot_note(dt->info, why);
    }
    dt->bytes = bytes;
    dt->phys = phys;
    return s;
}

static bool is_memory(const struct dt *dt, const struct fdt_node *node)
{
    return node->depth == 1 && fdt_list_has(fdt_prop(&dt->fdt, node, "device_type"), "memory");
}

/* Addresses of everything below the root use these cells. */
static bool has_cells(const struct dt *dt)
{
    struct fdt_node root = fdt_root(&dt->fdt);
    uint32_t address_cells, size_cells;
    return fdt_cells(&dt->fdt, &root, 0, &address_cells, &size_cells) && address_cells >= 1 &&
           address_cells <= 2;
}

static bool has_memory(const struct dt *dt)
{
    struct fdt_node node = fdt_root(&dt->fdt);
    while (fdt_next(&dt->fdt, &node, node.depth == 0 ? FDT_INTO : FDT_OVER)) {
        uint64_t base, len;
        if (is_memory(dt, &node) && fdt_reg(&dt->fdt, &node, 0, &base, &len) && len != 0) {
            return true;
        }
    }
    return false;
}

/* Note bytes of "reg" that do not form a whole entry,
 * or all of it if its cells are not supported. */
static void check_reg(struct dt *dt, const struct fdt_node *node)
{
    if (!fdt_is_reg_whole(&dt->fdt, node)) {
        boot_note_once(dt->info, "device tree: memory whose reg does not fit its cells, bytes",
                       fdt_prop(&dt->fdt, node, "reg").len);
    }
}

/* Entry `index` of the "reg" of memory. If it cannot be read, later ones must still be found. */
static bool read_range(struct dt *dt, const struct fdt_node *node, uint32_t index, uint64_t *base,
                       uint64_t *len)
{
    if (fdt_reg(&dt->fdt, node, index, base, len)) {
        return true;
    }
    boot_note_once(dt->info, "device tree: memory at an impossible address, entry", index);
    return false;
}

static void read_memory(struct dt *dt, const struct fdt_node *node)
{
    uint64_t base, len;
    if (!is_memory(dt, node)) {
        return;
    }
    check_reg(dt, node);
    for (uint32_t i = 0; i < fdt_reg_count(&dt->fdt, node); i++) {
        if (read_range(dt, node, i, &base, &len)) {
            boot_range_add(dt->info, base, len, BOOT_RAM);
        }
    }
}

/* Children of /reserved-memory. "no-map" forbids even a mapping, so this is not RAM for the kernel.
 * Children without "reg" only ask the system to reserve memory anywhere, for drivers that do not
 * exist here. */
static void read_reserved(struct dt *dt, const struct fdt_node *node)
{
    bool no_map = fdt_prop(&dt->fdt, node, "no-map").bytes != NULL;
    uint64_t base, len;
    check_reg(dt, node);
    for (uint32_t i = 0; i < fdt_reg_count(&dt->fdt, node); i++) {
        if (!read_range(dt, node, i, &base, &len)) {
            continue;
        }
        if (no_map) {
            boot_range_add(dt->info, base, len, BOOT_RESERVED);
        } else {
            boot_reserve(dt->info, base, len);
        }
    }
}

/* The id of a child of the root; UINT32_MAX: there is none. */
static uint32_t find_id(const struct dt *dt, const char *path, size_t len)
{
    struct fdt_node node;
    return fdt_find_path(&dt->fdt, path, len, &node) ? fdt_id(&node) : UINT32_MAX;
}

static bool is_below(const struct fdt_node *node, uint32_t id)
{
    return node->depth == 2 && node->at[1] == id;
}

static void read_psci(struct dt *dt, const struct fdt_node *node)
{
    struct fdt_value list = fdt_prop(&dt->fdt, node, "compatible");
    struct fdt_value method = fdt_prop(&dt->fdt, node, "method");
    if (!fdt_list_has(list, "arm,psci-1.0") && !fdt_list_has(list, "arm,psci-0.2")) {
        return; /* version 0.1 has different function numbers, and no SYSTEM_OFF */
    }
    if (fdt_list_has(method, "hvc")) {
        dt->info->psci = BOOT_PSCI_HVC;
    } else if (fdt_list_has(method, "smc")) {
        dt->info->psci = BOOT_PSCI_SMC;
    } else {
        boot_note(dt->info, "device tree: PSCI with an unknown method");
    }
}

/* "/path:options", or an alias instead of the path. */
static bool find_stdout(const struct dt *dt, struct fdt_value v, struct fdt_node *out)
{
    size_t len = 0;
    while (len < v.len && v.bytes[len] != 0 && v.bytes[len] != ':') {
        len++;
    }
    if (len > 0 && v.bytes[0] == '/') {
        return fdt_find_path(&dt->fdt, (const char *)v.bytes, len, out);
    }
    char alias[32];
    if (len == 0 || len >= sizeof(alias)) {
        return false;
    }
    (void)boot_copy_string(v.bytes, len, alias, sizeof(alias));
    struct fdt_node aliases;
    static const char path[] = "/aliases";
    if (!fdt_find_path(&dt->fdt, path, sizeof(path), &aliases)) {
        return false;
    }
    struct fdt_value target = fdt_prop(&dt->fdt, &aliases, alias);
    return fdt_find_path(&dt->fdt, (const char *)target.bytes, target.len, out);
}

static bool read_address(const struct dt *dt, const struct fdt_node *node, const char *name,
                         uint64_t *out)
{
    struct fdt_value v = fdt_prop(&dt->fdt, node, name);
    if (v.len != 4 && v.len != 8) {
        return false;
    }
    *out = fdt_number(v.bytes, v.len / 4);
    return true;
}

static void read_initrd(struct dt *dt, const struct fdt_node *chosen)
{
    static const uint8_t name[] = "initrd";
    uint64_t start, end;
    if (fdt_prop(&dt->fdt, chosen, "linux,initrd-start").bytes == NULL) {
        return;
    }
    if (!read_address(dt, chosen, "linux,initrd-start", &start) ||
        !read_address(dt, chosen, "linux,initrd-end", &end) || start > end) {
        boot_note(dt->info, "device tree: malformed linux,initrd-start or -end");
        return;
    }
    boot_add_module(dt->info, start, end - start, name, sizeof(name));
}

/* If there are more bytes than are kept, the rest is not copied, but still wiped in the tree. */
static void read_seed(struct dt *dt, struct fdt_value v, unsigned source)
{
    struct boot_seed *seed = &dt->info->seed;
    uint32_t room = BOOT_SEED_MAX - seed->len, len = v.len < room ? v.len : room;
    if (v.len == 0) {
        return;
    }
    memcpy(seed->bytes + seed->len, v.bytes, len);
    seed->len += len;
    seed->sources[source].at = dt->phys + (uint64_t)(v.bytes - dt->bytes);
    seed->sources[source].len = v.len;
}

static void read_chosen(struct dt *dt)
{
    static const char path[] = "/chosen";
    struct fdt_node chosen, console;
    if (!fdt_find_path(&dt->fdt, path, sizeof(path), &chosen)) {
        return;
    }
    if (find_stdout(dt, fdt_prop(&dt->fdt, &chosen, "stdout-path"), &console)) {
        dt->stdout_id = fdt_id(&console);
    }
    read_seed(dt, fdt_prop(&dt->fdt, &chosen, "kaslr-seed"), BOOT_SEED_KASLR);
    read_seed(dt, fdt_prop(&dt->fdt, &chosen, "rng-seed"), BOOT_SEED_RNG);
    if (dt->is_memory_known) {
        return;
    }
    struct fdt_value args = fdt_prop(&dt->fdt, &chosen, "bootargs");
    if (boot_copy_string(args.bytes, args.len, dt->info->cmdline, sizeof(dt->info->cmdline))) {
        boot_note(dt->info, "device tree: command line too long, cut");
    }
    read_initrd(dt, &chosen);
}

static void read_reservations(struct dt *dt)
{
    for (uint32_t i = 0; i < dt->fdt.reservation_count; i++) {
        const uint8_t *e = dt->fdt.reservations + (size_t)i * 16;
        boot_reserve(dt->info, load_be64(e), load_be64(e + 8));
    }
}

/* CPUs are reported even if they are disabled; with
 * a device everything below it is skipped, too. */
static enum fdt_step read_basics(struct dt *dt, const struct fdt_node *node)
{
    if (is_below(node, dt->cpus_id)) {
        dt_read_cpu(dt, node);
        return FDT_OVER;
    }
    if (!fdt_is_available(&dt->fdt, node)) {
        return FDT_OVER;
    }
    if (is_below(node, dt->reserved_id)) {
        if (!dt->is_memory_known) {
            read_reserved(dt, node);
        }
        return FDT_OVER;
    }
    if (!dt->is_memory_known) {
        read_memory(dt, node);
    }
    read_psci(dt, node);
    dt_read_gic(dt, node);
    dt_read_gic_messages(dt, node);
    return FDT_INTO;
}

static enum fdt_step read_devices(struct dt *dt, const struct fdt_node *node)
{
    if (!fdt_is_available(&dt->fdt, node) || fdt_id(node) == dt->cpus_id) {
        return FDT_OVER;
    }
    dt_read_timer(dt, node);
    dt_read_serial(dt, node);
    dt_read_rtc(dt, node);
    dt_read_fw_cfg(dt, node);
    dt_read_pci(dt, node);
    return FDT_INTO;
}

/* Read the tree, which is open. */
static void read_tree(struct dt *dt)
{
    static const char cpus[] = "/cpus";
    static const char reserved[] = "/reserved-memory";
    dt->cpus_id = find_id(dt, cpus, sizeof(cpus));
    dt->reserved_id = find_id(dt, reserved, sizeof(reserved));
    struct fdt_node node = fdt_root(&dt->fdt);
    bool is_more = fdt_next(&dt->fdt, &node, FDT_INTO);
    while (is_more) {
        is_more = fdt_next(&dt->fdt, &node, read_basics(dt, &node));
    }
    if (!dt->is_memory_known) {
        read_reservations(dt);
    }
    read_chosen(dt);

    node = fdt_root(&dt->fdt);
    is_more = fdt_next(&dt->fdt, &node, FDT_INTO);
    while (is_more) {
        is_more = fdt_next(&dt->fdt, &node, read_devices(dt, &node));
    }
    boot_check_devices(dt->info);
}

enum status devicetree_parse(const struct boot_mem *m, uint64_t dtb_phys, struct boot_info *out)
{
    struct dt dt = {.info = out, .stdout_id = UINT32_MAX};
    enum status s = open_tree(m, dtb_phys, &dt);
    if (s != OK) {
        return s;
    }
    if (!has_memory(&dt)) {
        boot_note(out, has_cells(&dt)
                           ? "device tree: no memory"
                           : "device tree: no memory: the root's cells have an unsupported size");
        return E_NOENT;
    }
    out->protocol = BOOT_FDT;
    read_tree(&dt);
    return OK;
}

enum status devicetree_parse_devices(const struct boot_mem *m, uint64_t dtb_phys,
                                     struct boot_info *out)
{
    struct dt dt = {.info = out, .stdout_id = UINT32_MAX, .is_memory_known = true};
    enum status s = open_tree(m, dtb_phys, &dt);
    if (s == OK) {
        read_tree(&dt);
    }
    return s;
}
