// SPDX-License-Identifier: MIT
//
// Chooses the root file system, and mounts the disks that the command line names.

#include "kernel/boot/boot.h"

#include "hal/bootinfo.h"
#include "kernel/base/log.h"
#include "kernel/boot/cmdline.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/module/disk_format.h"

#define DISKS_MAX 16

/** Names, not pointers: mounting happens without the device list's lock, and a device may be
 * removed meanwhile. */
struct disk_names {
    char name[DISKS_MAX][sizeof(((struct block_device *)0)->name)];
    unsigned count;
    const struct cmdline *cmdline;
};

/* True if a word `mount=DISK:DIR` names the disk, by its name or its serial number. */
static bool is_named(const struct block_device *dev, const char *text)
{
    size_t len = (size_t)(strchr(text, ':') - text);
    return (strlen(dev->name) == len && strncmp(dev->name, text, len) == 0) ||
           (strlen(dev->serial) == len && strncmp(dev->serial, text, len) == 0);
}

static void collect_disk(void *ctx, struct block_device *dev)
{
    struct disk_names *names = ctx;
    for (unsigned i = 0; i < names->cmdline->mount_count; i++) {
        if (is_named(dev, names->cmdline->mounts[i])) {
            return; /* it has a place of its own */
        }
    }
    if (names->count < DISKS_MAX) {
        str_copy(names->name[names->count++], sizeof(names->name[0]), dev->name);
    }
}

static bool mount_disk(const char *name)
{
    struct block_device *dev = block_open(name);
    if (dev == NULL) {
        return false;
    }
    enum status s = vfs_mount_block(dev, "/");
    block_close(dev);
    if (s == E_FORMAT) {
        log_info("boot", "%s: no known file system", name);
    } else if (s != OK) {
        log_error("boot", "%s: not mounted: %s", name, status_text(s));
    }
    return s == OK;
}

/* In the order in which the disks were found. A disk that has no known file system, or a damaged
 * one, is passed over: the machine boots from the next, or without a disk. */
static bool mount_first_disk(const struct cmdline *cmdline)
{
    struct disk_names names = {.cmdline = cmdline};
    block_for_each(collect_disk, &names);
    for (unsigned i = 0; i < names.count; i++) {
        if (mount_disk(names.name[i])) {
            return true;
        }
    }
    return false;
}

static const char elf_magic[] = {0x7f, 'E', 'L', 'F'};

/* Only the first bytes are mapped and compared: an archive has another magic number. The loader
 * checks the rest of the file. */
bool boot_is_extension(const struct boot_module *module)
{
    if (module->len < sizeof(elf_magic)) {
        return false;
    }
    const void *bytes = vm_map_module(module->base, sizeof(elf_magic));
    if (bytes == NULL) {
        return false;
    }
    bool is_elf = memcmp(bytes, elf_magic, sizeof(elf_magic)) == 0;
    vm_unmap_module(bytes);
    return is_elf;
}

/* The module stays mapped while it is mounted: vfs_mount_memory() serves file contents
 * from its bytes. */
static bool mount_initrd(const struct boot_module *module, const char *dir)
{
    const void *bytes = module->len != 0 ? vm_map_module(module->base, module->len) : NULL;
    enum status s = bytes == NULL ? E_NOMEM : vfs_mount_memory(bytes, module->len, dir);
    if (s == OK) {
        return true;
    }
    const char *why = module->len == 0 ? "it is empty"
                      : s == E_FORMAT  ? "it is not a cpio archive (newc)"
                                       : status_text(s);
    log_error("boot", "initrd \"%s\": not mounted at %s: %s", module->name, dir, why);
    if (bytes != NULL) {
        vm_unmap_module(bytes);
    }
    return false;
}

/* ---- Disks with a place of their own ---- */

struct named_disk {
    const char *text;                                    /* "DISK:DIR" */
    char name[sizeof(((struct block_device *)0)->name)]; /* "": not found */
};

static void find_named(void *ctx, struct block_device *dev)
{
    struct named_disk *disk = ctx;
    if (is_named(dev, disk->text)) {
        str_copy(disk->name, sizeof(disk->name), dev->name);
    }
}

/* What cannot be written is still there to be read. */
static void mount_named(const char *text)
{
    const char *dir = strchr(text, ':') + 1;
    struct named_disk disk = {.text = text};
    block_for_each(find_named, &disk);
    struct block_device *dev = block_open(disk.name);
    if (dev == NULL) {
        log_error("boot", "mount=%s: there is no such disk", text);
        return;
    }
    struct disk_problem why;
    enum status s = disk_mount(dev, dir, NULL, &why);
    block_close(dev);
    if (s != OK) {
        log_error("boot", "mount=%s: not mounted: %s", text,
                  s == E_FORMAT && why.text[0] != '\0' ? why.text : status_text(s));
        return;
    }
    s = vfs_remount(dir, true);
    if (s != OK) {
        log_error("boot", "mount=%s: read-only: %s", text, status_text(s));
    }
}

void boot_mount_root(const struct boot_info *info, const struct cmdline *cmdline)
{
    bool has_disk = mount_first_disk(cmdline);
    bool has_initrd = false;
    uint32_t tried = 0;
    for (uint32_t i = 0; i < info->module_count && !has_initrd; i++) {
        if (!boot_is_extension(&info->modules[i])) {
            has_initrd = mount_initrd(&info->modules[i], has_disk ? "/initrd" : "/");
            tried++;
        }
    }
    if (!has_disk && tried == 0) {
        log_info("boot", "no disk with a file system and no initrd: / is kept in memory");
    }
    for (unsigned i = 0; i < cmdline->mount_count; i++) {
        mount_named(cmdline->mounts[i]);
    }
}
