// SPDX-License-Identifier: MIT
//
// kernel/fs/ext2_writing.h: the functions that change disks are loaded when they are needed.
// test_ext2_write.c tests the functions.
#include "kernel/fs/ext2_writing.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "kernel/fs/vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell("mke2fs -q -t ext3 -b 4096 -N 256 -J size=4 4096.img 12M 2>log");
    return 0;
}

static enum status loaded;
static unsigned loads;

static enum status load(void)
{
    loads++;
    if (loaded == OK) {
        ext2_enable_writing();
    }
    return loaded;
}

/* An extension has the functions that change disks. It is loaded for the first disk that is to be
 * written. Without it a disk is read, synced and unmounted. */
static void test_what_writes_is_loaded(void **state)
{
    static const struct {
        enum status loaded, want;
    } failures[] = {
        {E_NOENT, E_NOENT}, {E_NOMEM, E_NOMEM}, {E_CORRUPT, E_NOTSUP}, {E_MACHINE, E_NOTSUP}};
    (void)state;
    image_load("4096.img");
    image_mount(false);
    ext2_set_writing(NULL);
    assert_int_equal(vfs_remount("/i", true), E_NOTSUP); /* nothing can load it */
    ext2_set_writing_loader(load);
    for (unsigned i = 0; i < 4; i++) {
        loaded = failures[i].loaded;
        assert_int_equal(vfs_remount("/i", true), failures[i].want);
        assert_int_equal(loads, i + 1);
        assert_int_equal(vfs_mkdir(NULL, "/i/new"), E_ROFS);
        assert_int_equal(vfs_sync(), OK);
    }
    image_unmount();
    image_mount(false);
    assert_int_equal(vfs_remount("/i", false), OK); /* it is */
    assert_int_equal(loads, 4);
    assert_int_equal(env_disk.sectors_written, 0);
    loaded = OK;
    assert_int_equal(vfs_remount("/i", true), OK);
    assert_int_equal(image_write_text("/i/new", "x"), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/new"), OK);
    image_unmount();
    image_mount(true);
    assert_int_equal(loads, 5);
    image_unmount();
    image_check_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_writes_is_loaded),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
