// SPDX-License-Identifier: MIT
//
// Devices in the DSDT. PCI hosts: windows (_CRS, ACPI 6.4, 6.4.3.5) and interrupt routing (_PRT,
// 6.2.13), as far as they are constants. That is the case if firmware writes tables for one
// machine. If methods compute them, the addresses that firmware assigned to devices stay, and
// devices use messages for interrupts. Also QEMU's configuration device, if it is in memory.
#include "boot/acpi_aml.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"

enum {
    DEPTH_MAX = 8, /* of nested scopes and devices */
    LINKS_MAX = 16,
    SLOTS = 32,
    INTID_SPI = 32,
    INTID_END = 1020,
};

#define FOUR_GIB ((uint64_t)1 << 32)

/* An interrupt link device, which an entry of _PRT may name instead of an interrupt. */
struct link {
    uint32_t name;
    uint32_t line;
    bool level;
};

/* A PCI host that is being read; offsets of its data objects, 0 = absent. */
struct host {
    bool is_pci, is_fw_cfg;
    uint64_t segment, bus;
    uint32_t crs, crs_end, prt, prt_end;
    uint32_t link_count;
    struct link links[LINKS_MAX];
};

/* ---- Resource templates: small and large items (6.4.2, 6.4.3) ---- */

struct item {
    uint8_t tag; /* above 0x7f for a large item */
    uint32_t at; /* of its first byte */
    uint32_t len;
};

static bool next_item(const struct acpi_table *t, uint32_t *at, uint32_t end, struct item *out)
{
    enum { LARGE = 0x80, SMALL_LEN = 7, END_TAG = 0x0f };
    if (*at >= end) {
        return false;
    }
    uint8_t lead = t->bytes[*at];
    uint32_t len = 1 + (lead & SMALL_LEN);
    uint8_t tag = lead >> 3;
    if ((lead & LARGE) != 0) {
        if (end - *at < 3) {
            return false;
        }
        tag = lead;
        len = 3u + load_le16(t->bytes + *at + 1);
    }
    if (len > end - *at || tag == END_TAG) {
        return false;
    }
    *out = (struct item){.tag = tag, .at = *at, .len = len};
    *at += len;
    return true;
}

static bool read_interrupt(const struct acpi_table *t, uint32_t at, uint32_t end, struct link *out)
{
    enum { EXTENDED_INTERRUPT = 0x89, FLAGS = 3, COUNT = 4, FIRST = 5, EDGE = 2 };
    uint32_t first, last;
    struct item item;
    if (!aml_buffer(t, &at, end, &first, &last)) {
        return false;
    }
    while (next_item(t, &first, last, &item)) {
        const uint8_t *p = t->bytes + item.at;
        if (item.tag == EXTENDED_INTERRUPT && item.len >= FIRST + 4 && p[COUNT] >= 1) {
            out->line = load_le32(p + FIRST);
            out->level = (p[FLAGS] & EDGE) == 0;
            return true;
        }
    }
    return false;
}

/* An address space descriptor with fields of `width` bytes: granularity, lowest, highest,
 * translation, length. */
static void add_window(const uint8_t *p, unsigned width, struct boot_pci_host *host)
{
    enum { KIND = 3, FIELDS = 6, MEMORY = 0, PORTS = 1 };
    uint64_t field[5];
    for (unsigned i = 0; i < 5; i++) {
        const uint8_t *f = p + FIELDS + i * width;
        field[i] = width == 8 ? load_le64(f) : load_le32(f);
    }
    struct boot_pci_window w = {.bus = field[1], .len = field[4]};
    uint64_t end;
    w.cpu = w.bus + field[3]; /* a negative translation wraps */
    if (w.len == 0 || ADD_OVERFLOWS(w.bus, w.len, &end) || ADD_OVERFLOWS(w.cpu, w.len, &end) ||
        (p[KIND] != MEMORY && p[KIND] != PORTS)) {
        return; /* bus numbers also have this form, but come from the MCFG */
    }
    bool is_low = w.bus + w.len <= FOUR_GIB;
    struct boot_pci_window *slot = p[KIND] == PORTS ? &host->io
                                   : is_low         ? &host->mem32
                                                    : &host->mem64;
    if (w.len > slot->len) {
        *slot = w;
    }
}

static bool read_windows(const struct acpi_table *t, const struct host *h,
                         struct boot_pci_host *host)
{
    enum { DWORD_SPACE = 0x87, DWORD_LEN = 26, QWORD_SPACE = 0x8a, QWORD_LEN = 46 };
    uint32_t at = h->crs, first, last;
    struct item item;
    if (h->crs == 0 || !aml_buffer(t, &at, h->crs_end, &first, &last)) {
        return false;
    }
    while (next_item(t, &first, last, &item)) {
        if (item.tag == DWORD_SPACE && item.len >= DWORD_LEN) {
            add_window(t->bytes + item.at, 4, host);
        } else if (item.tag == QWORD_SPACE && item.len >= QWORD_LEN) {
            add_window(t->bytes + item.at, 8, host);
        }
    }
    return host->mem32.len != 0 || host->mem64.len != 0;
}

/* ---- _PRT: a package of {address, pin, link or 0, interrupt} ---- */

static bool find_line(const struct host *h, uint32_t name, struct link *out)
{
    for (uint32_t i = 0; i < h->link_count; i++) {
        if (h->links[i].name == name) {
            *out = h->links[i];
            return true;
        }
    }
    return false;
}

static bool read_route(const struct acpi_table *t, uint32_t at, uint32_t end, const struct host *h,
                       struct boot_pci_intx *out)
{
    uint64_t address, pin, line;
    uint32_t name;
    struct link link = {.level = true};
    if (!aml_integer(t, &at, end, &address) || !aml_integer(t, &at, end, &pin)) {
        return false;
    }
    uint32_t source = at;
    if (aml_integer(t, &at, end, &line)) { /* 0: the next element is the interrupt itself */
        if (line != 0 || !aml_integer(t, &at, end, &line) || line > UINT32_MAX) {
            return false;
        }
        link.line = (uint32_t)line;
    } else {
        at = source;
        if (!aml_name(t, &at, end, &name) || !find_line(h, name, &link)) {
            return false;
        }
    }
    uint64_t slot = address >> 16;
    if (slot >= SLOTS || pin > 3 || link.line < INTID_SPI || link.line >= INTID_END) {
        return false;
    }
    *out = (struct boot_pci_intx){.devfn_key = (uint32_t)slot << 11,
                                  .devfn_mask = (SLOTS - 1) << 11,
                                  .pin = (uint8_t)(pin + 1),
                                  .line = link.line,
                                  .level = link.level};
    return true;
}

static void read_routing(const struct acpi_table *t, const struct host *h,
                         struct boot_pci_host *host, struct boot_info *info)
{
    uint32_t at = h->prt, first, last, element, element_end;
    if (h->prt == 0 || !aml_package(t, &at, h->prt_end, &first, &last)) {
        boot_note_once(info, "acpi: no constant interrupt routing of a PCI host, bus", h->bus);
        return;
    }
    while (first < last) {
        if (host->intx_count == BOOT_MAX_INTX ||
            !aml_package(t, &first, last, &element, &element_end)) {
            boot_note_once(info, "acpi: part of a PCI host's routing is left out, bus", h->bus);
            return;
        }
        struct boot_pci_intx route;
        if (read_route(t, element, element_end, h, &route)) {
            host->intx[host->intx_count++] = route;
        } else {
            boot_note_once(info, "acpi: unusable entry in a PCI host's routing, bus", h->bus);
        }
    }
}

/* ---- The device ---- */

/* PNP0A08 and PNP0A03, as a string or compressed to a number. */
static bool is_pci_id(const struct acpi_table *t, uint32_t at, uint32_t end)
{
    enum { STRING = 0x0d, STRING_SIZE = 9, EXPRESS = 0x080ad041, CONVENTIONAL = 0x030ad041 };
    uint64_t id;
    if (end - at >= STRING_SIZE && t->bytes[at] == STRING) {
        const uint8_t *s = t->bytes + at + 1;
        return load_le32(s) == AML_SEGMENT('P', 'N', 'P', '0') && s[4] == 'A' && s[5] == '0' &&
               (s[6] == '8' || s[6] == '3') && s[7] == 0;
    }
    return aml_integer(t, &at, end, &id) && (id == EXPRESS || id == CONVENTIONAL);
}

/* QEMU's docs/specs/fw_cfg */
static bool is_fw_cfg_id(const struct acpi_table *t, uint32_t at, uint32_t end)
{
    enum { STRING = 0x0d, STRING_SIZE = 10 };
    const uint8_t *s = t->bytes + at + 1;
    return end - at >= STRING_SIZE && t->bytes[at] == STRING &&
           load_le32(s) == AML_SEGMENT('Q', 'E', 'M', 'U') &&
           load_le32(s + 4) == AML_SEGMENT('0', '0', '0', '2') && s[8] == 0;
}

/* If it uses ports, it has no such item, and the ports are known. */
static void read_fw_cfg(const struct acpi_table *t, const struct host *h, struct boot_info *info)
{
    enum { MEMORY_FIXED = 0x86, BASE = 4, SIZE = 8, LEN = 12 };
    uint32_t at = h->crs, first, last;
    struct item item;
    if (h->crs == 0 || !aml_buffer(t, &at, h->crs_end, &first, &last)) {
        return;
    }
    while (next_item(t, &first, last, &item)) {
        if (item.tag == MEMORY_FIXED && item.len >= LEN) {
            info->fw_cfg_base = load_le32(t->bytes + item.at + BASE);
            info->fw_cfg_len = load_le32(t->bytes + item.at + SIZE);
        }
    }
}

static void read_link(const struct acpi_table *t, const struct aml_term *device, struct host *h)
{
    struct aml_term term;
    struct link link = {.name = device->name};
    uint32_t at = device->body;
    while (h->link_count < LINKS_MAX && aml_next(t, &at, device->end, &term)) {
        if (term.kind == AML_NAME && term.name == AML_SEGMENT('_', 'C', 'R', 'S') &&
            read_interrupt(t, term.body, term.end, &link)) {
            h->links[h->link_count++] = link;
            return;
        }
    }
}

/* A constant that the host itself declares. */
static void read_host_name(const struct acpi_table *t, const struct aml_term *term, struct host *h)
{
    uint32_t at = term->body;
    switch (term->name) {
    case AML_SEGMENT('_', 'H', 'I', 'D'):
    case AML_SEGMENT('_', 'C', 'I', 'D'):
        h->is_pci = h->is_pci || is_pci_id(t, at, term->end);
        h->is_fw_cfg = h->is_fw_cfg || is_fw_cfg_id(t, at, term->end);
        break;
    case AML_SEGMENT('_', 'S', 'E', 'G'):
        (void)aml_integer(t, &at, term->end, &h->segment);
        break;
    case AML_SEGMENT('_', 'B', 'B', 'N'):
        (void)aml_integer(t, &at, term->end, &h->bus);
        break;
    case AML_SEGMENT('_', 'C', 'R', 'S'):
        h->crs = at;
        h->crs_end = term->end;
        break;
    case AML_SEGMENT('_', 'P', 'R', 'T'):
        h->prt = at;
        h->prt_end = term->end;
        break;
    default:
        break;
    }
}

static struct boot_pci_host *find_host(struct boot_info *info, const struct host *h)
{
    for (uint32_t i = 0; i < info->pci_count; i++) {
        if (info->pci[i].segment == h->segment && info->pci[i].bus_first == h->bus &&
            info->pci[i].intx_count == 0) {
            return &info->pci[i];
        }
    }
    return NULL;
}

static void read_device(const struct acpi_table *t, const struct aml_term *device,
                        struct boot_info *info)
{
    struct host h = {.is_pci = false};
    struct aml_term term;
    uint32_t at = device->body;
    while (aml_next(t, &at, device->end, &term)) {
        if (term.kind == AML_NAME) {
            read_host_name(t, &term, &h);
        } else if (term.kind == AML_DEVICE && h.is_pci) {
            read_link(t, &term, &h);
        }
    }
    if (h.is_fw_cfg) {
        read_fw_cfg(t, &h, info);
    }
    if (!h.is_pci) {
        return;
    }
    struct boot_pci_host *host = find_host(info, &h);
    if (host == NULL) {
        boot_note_once(info, "acpi: a PCI host that the MCFG does not name is left out, bus",
                       h.bus);
        return;
    }
    if (!read_windows(t, &h, host)) {
        boot_note_once(info, "acpi: no constant windows of a PCI host, bus", h.bus);
    }
    read_routing(t, &h, host, info);
}

void acpi_read_hosts(const struct acpi_table *dsdt, struct boot_info *info)
{
    uint32_t ends[DEPTH_MAX] = {dsdt->len};
    uint32_t at = ACPI_HEADER_SIZE;
    unsigned depth = 0;
    struct aml_term term;
    for (;;) {
        if (!aml_next(dsdt, &at, ends[depth], &term)) {
            if (depth == 0) {
                return;
            }
            /* a term that cannot be decoded there does not hide what follows the device */
            at = ends[depth--];
            continue;
        }
        if (term.kind == AML_DEVICE) {
            read_device(dsdt, &term, info);
        }
        if ((term.kind == AML_SCOPE || term.kind == AML_DEVICE) && depth + 1 < DEPTH_MAX) {
            ends[++depth] = term.end;
            at = term.body;
        }
    }
}
