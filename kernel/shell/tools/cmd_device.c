// SPDX-License-Identifier: MIT
//
// Commands about devices.
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/io/device.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/driver_module.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

/* Names of devices: lines "8086 Intel", "8086:29c0 host bridge" and "c0600 host bridge", on the
 * disk, because no more than a few would be worth their space in the kernel. */
#define NAMES_PATH "/lib/pci.names"
#define NAMES_MAX  ((size_t)256 << 10)
#define KEY_MAX    12
#define NAME_MAX   48

struct listing {
    const char *names; /* the file, or "" */
    size_t len;
};

/* @param out NAME_MAX bytes; "" if there is no line with the key. */
static void find_name(const struct listing *l, const char *key, char *out)
{
    size_t key_len = strlen(key);
    const char *at = l->names, *end = l->names + l->len;
    out[0] = '\0';
    while (at < end) {
        const char *line = at;
        while (at < end && *at != '\n') {
            at++;
        }
        size_t len = (size_t)(at++ - line);
        if (len > key_len && line[key_len] == ' ' && memcmp(line, key, key_len) == 0) {
            fmt_print(out, NAME_MAX, "%.*s", (int)(len - key_len - 1), line + key_len + 1);
            str_make_printable(out);
            return;
        }
    }
}

/* `text` begins "VVVV:DDDD class CCSSII". */
static void print_names(const struct listing *l, const char *text)
{
    char key[KEY_MAX], kind[NAME_MAX], vendor[NAME_MAX], device[NAME_MAX];
    fmt_print(key, sizeof key, "c%.4s", text + 16);
    find_name(l, key, kind);
    if (kind[0] == '\0') {
        key[3] = '\0'; /* the class without its subclass */
        find_name(l, key, kind);
    }
    fmt_print(key, sizeof key, "%.4s", text);
    find_name(l, key, vendor);
    fmt_print(key, sizeof key, "%.9s", text);
    find_name(l, key, device);
    if (kind[0] != '\0' || vendor[0] != '\0') {
        console_printf("    %s: %s %s\n", kind[0] != '\0' ? kind : "unknown class",
                       vendor[0] != '\0' ? vendor : "unknown vendor", device);
    }
}

static bool is_resource(const char *part)
{
    return str_has_prefix(part, "ports ") || str_has_prefix(part, "memory ") ||
           str_has_prefix(part, "rom ") || str_has_prefix(part, "bus ");
}

/* The text's parts are separated by ", ". The last ones are resources, a line each. */
static void print_device(void *ctx, struct device *dev)
{
    char text[512]; /* six BARs of 40 characters, and the text before them */
    if (strcmp(dev->bus->name, "pci") != 0) {
        return;
    }
    char driver[DRIVER_NAME_MAX];
    dev->bus->describe(dev, text, sizeof text);
    bool is_bound = device_driver_name(dev, driver);
    char *resources = text;
    while ((resources = strchr(resources, ',')) != NULL && !is_resource(resources + 2)) {
        resources++;
    }
    if (resources != NULL) {
        *resources = '\0';
        resources += 2;
    }
    console_printf("%s %s%s%s\n", dev->name, text, is_bound ? ", driver " : "",
                   is_bound ? driver : "");
    print_names(ctx, text);
    while (resources != NULL) {
        char *end = strchr(resources, ',');
        if (end != NULL) {
            *end = '\0';
        }
        console_printf("    %s\n", resources);
        resources = end == NULL ? NULL : end + 2;
    }
}

bool tools_lspci(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct listing l = {.names = "", .len = 0};
    void *file = NULL;
    if (vfs_read_file(NAMES_PATH, NAMES_MAX, &file, &l.len) == OK) {
        l.names = file;
    }
    device_for_each(print_device, &l);
    heap_free(file);
    return true;
}

/** The line for one disk. */
struct disk_line {
    unsigned wanted, seen;
    char text[192];
};

static void write_disk(void *ctx, struct block_device *dev)
{
    struct disk_line *line = ctx;
    if (line->seen++ != line->wanted) {
        return;
    }
    if (dev->disk != NULL) {
        fmt_print(line->text, sizeof line->text, "%-6s %10llu KiB  from %llu KiB\n", dev->name,
                  (unsigned long long)(dev->sectors * BLOCK_SECTOR >> 10),
                  (unsigned long long)(dev->first_sector * BLOCK_SECTOR >> 10));
        return;
    }
    fmt_print(line->text, sizeof line->text,
              "%-6s %10llu KiB  block %u%s%s%s  %llu reads, %llu writes, %llu errors\n", dev->name,
              (unsigned long long)(dev->sectors * BLOCK_SECTOR >> 10), dev->logical_block,
              dev->read_only ? ", read-only" : "", dev->serial[0] != '\0' ? ", serial " : "",
              dev->serial, (unsigned long long)dev->reads, (unsigned long long)dev->writes,
              (unsigned long long)dev->errors);
}

/* Prints without holding the list's lock: printing to a blocked console waits, and others may
 * mount meanwhile. */
static bool print_disk(unsigned i)
{
    struct disk_line line = {.wanted = i};
    block_for_each(write_disk, &line);
    if (line.text[0] == '\0') {
        return false;
    }
    console_printf("%s", line.text);
    return true;
}

/* Each disk is found anew by its index, so a disk that is removed meanwhile ends the list early or
 * is left out; nothing refers to it. */
bool tools_lsblk(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    unsigned count = 0;
    while (print_disk(count)) {
        count++;
    }
    if (count == 0) {
        console_printf("no block device\n");
    }
    return true;
}

/* ---- Drivers ---- */

static void print_count(const char *before, uint32_t count, const char *what)
{
    if (count > 0) {
        console_printf("%s%u %s%s", before, count, what, count == 1 ? "" : "s");
    }
}

static void print_module(const struct driver_module_info *m)
{
    static const char *const states[] = {"loading", "live", "unloading", "linked in"};
    console_printf("%-12s %-5s %-9s", m->name, m->version, states[m->state]);
    if (m->state != DRIVER_LINKED_IN) {
        console_printf(" code %u KiB, data %u bytes, licence %s;", (unsigned)(m->code_bytes / 1024),
                       (unsigned)m->data_bytes, m->licence);
    }
    console_printf(" %u device%s", m->devices, m->devices == 1 ? "" : "s");
    if (m->devices > 0) {
        console_printf(" (%s%s), %u in flight", m->device, m->devices > 1 ? " ..." : "",
                       m->in_flight);
    }
    print_count(", ", m->added.commands, "command");
    print_count(", ", m->added.file_systems, "file system");
    print_count(", ", m->added.formats, "format");
    console_printf("\n");
}

bool tools_modules(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct driver_module_info m;
    for (uint32_t i = 0; driver_module_get_info(i, &m); i++) {
        print_module(&m);
    }
    return true;
}
