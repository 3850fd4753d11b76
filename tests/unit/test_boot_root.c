// SPDX-License-Identifier: MIT
//
// kernel/boot/boot_root.c: which boot module becomes the root file system, and the messages about
// the others. test_boot_*.c test how each boot protocol reports modules.
#include "kernel/boot/boot.h"

#include "fs/fs_env.h"
#include "hal/bootinfo.h"
#include "kernel/boot/cmdline.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/vm.h"
#include "kernel/module/disk_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct boot_info info;
static struct cmdline cmdline;
static unsigned mapped;

/* ---- Its environment: no disk, and modules at the addresses of their bytes ---- */

void block_for_each(void (*fn)(void *ctx, struct block_device *dev), void *ctx)
{
    (void)fn, (void)ctx;
}

enum status disk_mount(struct block_device *dev, const char *dir, struct vfs_type *type,
                       struct disk_problem *why)
{
    (void)dev, (void)dir, (void)type, (void)why;
    return E_NOENT;
}

const void *vm_map_module(uint64_t base, uint64_t len)
{
    assert_true(len > 0);
    mapped++;
    return (const void *)(uintptr_t)base;
}

void vm_unmap_module(const void *bytes)
{
    (void)bytes;
    mapped--;
}

/* ---- Modules ---- */

static char archive[512]; /* with one file, /f, that contains "text" */
static size_t archive_len;

static void put(const char *name, unsigned mode, const char *data)
{
    archive_len +=
        (size_t)snprintf(archive + archive_len, sizeof(archive) - archive_len,
                         "070701%08X%08X%016d%08X%08X%08X%032d%08X%08X%s", 1, mode, 0, 1, 0,
                         (unsigned)strlen(data), 0, (unsigned)strlen(name) + 1, 0, name) +
        1;
    archive_len = (archive_len + 3) / 4 * 4;
    memcpy(archive + archive_len, data, strlen(data));
    archive_len = (archive_len + strlen(data) + 3) / 4 * 4;
}

static void add_module(const void *bytes, size_t len)
{
    info.modules[info.module_count] =
        (struct boot_module){.base = (uintptr_t)bytes, .len = len, .name = "it"};
    info.module_count++;
}

static int setup_once(void **state)
{
    (void)state;
    put("f", 0100644, "text");
    put("TRAILER!!!", 0, "");
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    mapped = 0;
    env_reset();
    return 0;
}

static void expect_log(const char *text)
{
    if (strstr(env_last_log(), text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", env_last_log(), text);
    }
}

static void expect_archive_at_root(void)
{
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/f", false, &st), OK);
    assert_int_equal(st.size, 4);
    assert_int_equal(mapped, 1); /* a module that is not an archive is unmapped again */
    assert_int_equal(vfs_unmount("/"), OK);
}

static void test_without_modules_the_root_is_memory(void **state)
{
    (void)state;
    boot_mount_root(&info, &cmdline);
    expect_log("no disk with a file system and no initrd");
}

static void test_an_archive_becomes_the_root(void **state)
{
    (void)state;
    add_module(archive, archive_len);
    boot_mount_root(&info, &cmdline);
    expect_archive_at_root();
}

static void test_an_empty_module_is_called_empty(void **state)
{
    (void)state;
    add_module(archive, 0);
    boot_mount_root(&info, &cmdline);
    expect_log("initrd \"it\": not mounted at /: it is empty");
    assert_int_equal(mapped, 0);
}

static void test_a_module_that_is_no_archive_is_reported(void **state)
{
    (void)state;
    add_module("no archive", 10);
    boot_mount_root(&info, &cmdline);
    expect_log("initrd \"it\": not mounted at /: it is not a cpio archive");
    assert_int_equal(mapped, 0);
}

static void test_no_module_hides_a_good_one(void **state)
{
    (void)state;
    add_module("no archive", 10);
    add_module(archive, 0);
    add_module(archive, archive_len / 2); /* a broken one */
    add_module(archive, archive_len);
    add_module(archive, archive_len); /* only one is used */
    boot_mount_root(&info, &cmdline);
    expect_archive_at_root();
}

/* An ELF file is an extension, which boot_load_extensions() has loaded or reported. */
static void test_an_extension_is_no_initrd(void **state)
{
    (void)state;
    static const char elf[] = "\x7f"
                              "ELF and more";
    add_module(elf, sizeof(elf));
    add_module(elf, 3); /* too short for one */
    assert_true(boot_is_extension(&info.modules[0]));
    assert_false(boot_is_extension(&info.modules[1]));
    info.module_count = 1;
    boot_mount_root(&info, &cmdline);
    expect_log("no disk with a file system and no initrd");
    add_module(archive, archive_len);
    boot_mount_root(&info, &cmdline);
    expect_archive_at_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_without_modules_the_root_is_memory, setup),
        cmocka_unit_test_setup(test_an_archive_becomes_the_root, setup),
        cmocka_unit_test_setup(test_an_empty_module_is_called_empty, setup),
        cmocka_unit_test_setup(test_a_module_that_is_no_archive_is_reported, setup),
        cmocka_unit_test_setup(test_no_module_hides_a_good_one, setup),
        cmocka_unit_test_setup(test_an_extension_is_no_initrd, setup),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
