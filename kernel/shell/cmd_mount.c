// SPDX-License-Identifier: MIT
//
// Commands about file systems, mounted or not. A refusal names the device or the folder that is the
// reason, and disk_format.h says why a disk cannot be mounted.
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/disk_format.h"
#include "kernel/shell/command.h"
#include "kernel/tty/console.h"

static bool print_mounts(void)
{
    struct vfs_mount_info m;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        str_make_printable(m.source);
        str_make_printable(m.dir);
        console_printf("%-10s on %-16s type %-6s %s\n", m.source, m.dir, m.type,
                       m.read_only ? "read-only" : "read-write");
    }
    return true;
}

/* ---- Mounting ---- */

/* The mount of this device or at this folder, whichever the reason is. */
static void complain_busy(const char *device, const char *dir)
{
    char full[VFS_PATH_MAX];
    struct vfs_mount_info m;
    bool is_path = vfs_join(SHELL_CWD, dir, full, sizeof full) == OK;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        bool is_device = vfs_is_same_disk(m.source, device);
        if (is_device || (is_path && strcmp(m.dir, full) == 0)) {
            str_make_printable(m.source);
            str_make_printable(m.dir);
            shell_complain_text("mount", is_device ? m.source : m.dir, "in use: %s is mounted%s%s",
                                m.source, is_device ? " on " : " there", is_device ? m.dir : "");
            return;
        }
    }
    shell_complain_text("mount", dir, "in use: a file system is mounted below it");
}

/* Mount a disk, or without one what an extension knows by this name. */
static enum status mount_at(struct block_device *dev, const char *source, const char *dir,
                            struct vfs_type *type, struct disk_problem *why)
{
    char full[VFS_PATH_MAX];
    enum status s = vfs_join(SHELL_CWD, dir, full, sizeof full);
    if (s == OK) {
        s = dev != NULL ? disk_mount(dev, full, type, why) : vfs_mount_named(source, full, type);
    }
    return s;
}

/* `type`: NULL: any. The folder must exist, although a mount point need not (mount.c): a typing
 * mistake should not make a new folder appear. The order of the messages is from the most to the
 * least specific reason. */
static bool mount(struct block_device *dev, const char *source, const char *dir, const char *type)
{
    struct file_stat st;
    enum status s = vfs_stat(SHELL_CWD, dir, /* follow */ true, &st);
    if (s != OK || st.type != FILE_DIRECTORY) {
        shell_complain("mount", dir, s != OK ? s : E_NOTDIR);
        return false;
    }
    struct disk_problem why = {.text = ""};
    struct vfs_type types = {.wanted = type};
    s = mount_at(dev, source, dir, type != NULL ? &types : NULL, &why);
    if (s == E_BUSY) {
        complain_busy(source, dir);
    } else if (types.found[0] != '\0') {
        shell_complain_text("mount", source, "its type is %s", types.found);
    } else if (s == E_FORMAT && why.text[0] != '\0') {
        shell_complain_text("mount", source, "%s", why.text);
    } else if (s == E_FORMAT) {
        shell_complain_text("mount", source, "%s (known: ext2, and those of loaded extensions)",
                            status_text(s));
    } else if (s != OK) {
        shell_complain("mount", source, s);
    }
    return s == OK;
}

/* Make a mounted file system writable or read-only. */
static void set_writable(const char *dir, bool is_writable)
{
    char full[VFS_PATH_MAX];
    struct file_stat st;
    enum status s = vfs_join(SHELL_CWD, dir, full, sizeof full);
    if (s == OK) {
        s = vfs_remount(full, is_writable);
    }
    if (s == E_INVAL) {
        shell_complain_text("mount", dir, "nothing is mounted there");
    } else if (s == E_BUSY) {
        shell_complain_text("mount", dir, "files are open for writing, or open and removed");
    } else if (s == E_CORRUPT) {
        shell_complain_text("mount", dir,
                            "read-only until it was checked with e2fsck or fsck.fat: %s",
                            "it was not unmounted, or has errors");
    } else if (s == E_NOTSUP) {
        shell_complain_text("mount", dir, "read-only: `log` says why");
    } else if (s == E_NOENT && vfs_stat(SHELL_CWD, dir, /* follow */ true, &st) == OK) {
        shell_complain_text("mount", dir,
                            "read-only, as ext2w.ko is missing: `log` says where it may be");
    } else if (s != OK) {
        shell_complain("mount", dir, s);
    }
}

/* The device is opened for the time of the command; a file system that is mounted has a reference
 * of its own. Without such a device the name may be one that an extension knows, such as a 9p
 * share. */
static bool mount_new(const char *source, const char *dir, const char *type)
{
    struct block_device *dev = block_open(source);
    bool is_mounted = mount(dev, source, dir, type);
    if (dev != NULL) {
        block_close(dev);
    }
    return is_mounted;
}

/** How `mount -o` lets a file system be used. */
static const struct {
    const char *name;
    bool is_writable, is_remount; /* is_remount: only of what is mounted already */
} modes[] = {
    {"ro", false, false},
    {"rw", true, false},
    {"remount,ro", false, true},
    {"remount,rw", true, true},
};

/* The index of a mode's name; ARRAY_COUNT(modes): there is no such mode. */
static size_t find_mode(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_COUNT(modes) && strcmp(modes[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Options come first, each with a value: -o a mode, -t a type. False: there is another. */
static bool read_options(int *argc, char ***argv, const char **mode, const char **type)
{
    while (*argc > 2 && (*argv)[1][0] == '-') {
        const char *name = (*argv)[1];
        if (strcmp(name, "-o") == 0) {
            *mode = (*argv)[2];
        } else if (strcmp(name, "-t") == 0) {
            *type = (*argv)[2];
        } else {
            return false;
        }
        *argc -= 2;
        *argv += 2;
    }
    return true;
}

/* A disk is always mounted read-only first and then made writable, in two steps: if the second
 * fails (it was not unmounted, or has features that can only be read), it stays mounted read-only,
 * and the message says why. */
static bool run_mount(int argc, char **argv)
{
    const char *mode_name = NULL, *type = NULL;
    if (argc == 1) {
        return print_mounts();
    }
    if (!read_options(&argc, &argv, &mode_name, &type)) {
        return false;
    }
    size_t mode = mode_name != NULL ? find_mode(mode_name) : 0;
    bool is_remount = mode_name != NULL && type == NULL && argc == 2;
    if (mode == ARRAY_COUNT(modes) || (argc != 3 && !is_remount) ||
        (!is_remount && modes[mode].is_remount)) {
        return false;
    }
    bool is_mounted = is_remount || mount_new(argv[1], argv[2], type);
    if (is_mounted && mode_name != NULL) {
        set_writable(argv[argc - 1], modes[mode].is_writable);
    }
    return true;
}

static bool run_sync(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    enum status s = vfs_sync();
    if (s != OK) {
        shell_complain_text("sync", "a file system", "%s: what was changed may be lost",
                            status_text(s));
    }
    return true;
}

static bool run_umount(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    char full[VFS_PATH_MAX];
    enum status s = vfs_join(SHELL_CWD, argv[1], full, sizeof full);
    if (s == OK) {
        s = vfs_unmount(full);
    }
    if (s == E_BUSY) {
        shell_complain_text("umount", argv[1],
                            "in use: files are open, or a file system is mounted below it");
    } else if (s == E_INVAL) {
        shell_complain_text("umount", argv[1], "nothing is mounted there");
    } else if (s == E_IO) {
        shell_complain_text("umount", argv[1], "unmounted, but not everything was written");
    } else if (s != OK) {
        shell_complain("umount", argv[1], s);
    }
    return true;
}

const struct shell_command shell_mount_commands[] = {
    {"mount", "[-o [remount,]rw|ro] [-t TYPE] [DEVICE] [DIR]",
     "list mounted file systems, or mount a disk, a partition or a host's folder", run_mount},
    {"umount", "DIR", "unmount a file system", run_umount},
    {"sync", "", "write what was changed to the disks", run_sync},
    {0},
};
