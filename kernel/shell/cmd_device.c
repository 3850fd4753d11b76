// SPDX-License-Identifier: MIT
//
// Commands about devices.
#include "kernel/io/block.h"
#include "kernel/io/device.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/shell/command_internal.h"
#include "kernel/tty/console.h"

static void print_device(void *ctx, struct device *dev)
{
    char text[512]; /* six BARs of 40 characters, and the text before them */
    if (strcmp(dev->bus->name, ctx) == 0) {
        char driver[DRIVER_NAME_MAX];
        dev->bus->describe(dev, text, sizeof text);
        bool is_bound = device_driver_name(dev, driver);
        console_printf("%s %s%s%s\n", dev->name, text, is_bound ? ", driver " : "",
                       is_bound ? driver : "");
    }
}

static bool run_lspci(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    device_for_each(print_device, "pci");
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
static bool run_lsblk(int argc, char **argv)
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

const struct shell_command shell_device_commands[] = {
    {"lspci", "", "PCI devices and their drivers", run_lspci},
    {"lsblk", "", "block devices", run_lsblk},
    {0},
};
