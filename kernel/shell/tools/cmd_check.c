// SPDX-License-Identifier: MIT
//
// Commands that look at file systems without changing them: faults, and free space.
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/disk_format.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

/* `name` is a disk, mounted or not, or the folder where one is mounted. */
static enum status check(const char *name, struct fs_check *out, struct disk_problem *why)
{
    char full[VFS_PATH_MAX];
    struct block_device *dev = block_open(name);
    if (dev != NULL) {
        enum status s = disk_check(dev, out, why);
        block_close(dev);
        return s;
    }
    enum status s = vfs_join(SHELL_CWD, name, full, sizeof full);
    return s != OK ? s : vfs_check_mounted(full, out);
}

static void complain_unchecked(const char *name, enum status s, const struct disk_problem *why)
{
    if (why->text[0] != '\0') {
        shell_complain_text("check", name, "%s", why->text);
    } else if (s == E_INVAL || s == E_NOENT) {
        shell_complain_text("check", name, "no disk, and nothing is mounted there");
    } else if (s == E_BUSY) {
        shell_complain_text("check", name, "a partition of it, or its disk, is mounted");
    } else if (s == E_NOTSUP) {
        shell_complain_text("check", name, "its format or its features cannot be checked here");
    } else if (s == E_CORRUPT) {
        shell_complain_text("check", name, "it cannot be mounted: `log` says why");
    } else {
        shell_complain("check", name, s);
    }
}

static void print_check(const char *name, const struct fs_check *c)
{
    console_printf("%s", c->text);
    if (c->faults > c->shown) {
        console_printf("and %llu more\n", (unsigned long long)(c->faults - c->shown));
    }
    console_printf("%s: %s, %llu files, %llu folders, %llu of %llu %s in use: ", name, c->type,
                   (unsigned long long)c->files, (unsigned long long)c->directories,
                   (unsigned long long)c->used, (unsigned long long)c->total,
                   strcmp(c->type, "fat") == 0 ? "clusters" : "blocks");
    if (c->faults == 0) {
        console_printf("no faults\n");
    } else {
        console_printf("%llu fault%s\n", (unsigned long long)c->faults, c->faults == 1 ? "" : "s");
        shell_set_status(1);
    }
}

bool tools_check(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    struct disk_problem why = {.text = ""};
    ext2_enable_check();
    struct fs_check *c = heap_alloc(sizeof(*c));
    enum status s = c == NULL ? E_NOMEM : check(argv[1], c, &why);
    if (s == OK) {
        print_check(argv[1], c);
    } else {
        complain_unchecked(argv[1], s, &why);
    }
    heap_free(c);
    return true;
}

bool tools_df(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct vfs_mount_info m;
    console_printf("DEVICE     %12s %12s %12s  FOLDER\n", "SIZE KiB", "USED KiB", "FREE KiB");
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        str_make_printable(m.source);
        str_make_printable(m.dir);
        uint64_t used = m.free_bytes < m.total_bytes ? m.total_bytes - m.free_bytes : 0;
        console_printf("%-10s %12llu %12llu %12llu  %s\n", m.source,
                       (unsigned long long)(m.total_bytes / 1024),
                       (unsigned long long)(used / 1024), (unsigned long long)(m.free_bytes / 1024),
                       m.dir);
    }
    return true;
}
