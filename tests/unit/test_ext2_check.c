// SPDX-License-Identifier: MIT
//
// kernel/fs/ext2_check*.c: each fault that debugfs makes is found and named, e2fsck finds it, too,
// and a sound image has none, also while it is written.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fs_check found;

static int setup_once(void **state)
{
    ext2_enable_check();
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell(
        "mkdir -p tree/d/sub && head -c 300000 /dev/urandom >tree/f && cp tree/f tree/d/f && "
        "echo g >tree/g && ln tree/g tree/d/h && ln -s g tree/short && "
        "ln -s \"$(printf '%%0100d' 0)\" tree/long && mkfifo tree/pipe");
    image_shell("mke2fs -q -t ext2 -b 1024 -g 1024 -N 128 -d tree 1024.img 4M >log 2>&1");
    image_shell(
        "mke2fs -q -t ext2 -b 2048 -O ^resize_inode,^sparse_super -d tree 2048.img 6M >log 2>&1");
    image_shell("mke2fs -q -t ext3 -b 4096 -J size=4 -d tree 4096.img 16M >log 2>&1");
    image_shell("mke2fs -q -t ext2 -r 0 -b 1024 old.img 4M >log 2>&1");
    return 0;
}

static void load(const char *name)
{
    env_reset();
    image_load(name);
}

static void check_disk(void)
{
    size_t before = env_live_objects();
    uint64_t written = env_disk.sectors_written;
    assert_int_equal(vfs_check_block(&env_disk.dev, &found), OK);
    assert_int_equal(env_disk.sectors_written, written);
    assert_int_equal(env_live_objects(), before);
    assert_int_equal(env_disk.refs, 0);
}

static void test_a_sound_image_has_no_faults(void **state)
{
    static const char *const images[] = {"1024.img", "2048.img", "4096.img"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        load(images[i]);
        check_disk();
        assert_string_equal(found.text, "");
        assert_int_equal(found.faults, 0);
        assert_int_equal(found.directories, 4); /* with the root and lost+found */
        assert_int_equal(found.files, 6);
        assert_true(found.used > 0 && found.used < found.total);
    }
    load("old.img");
    check_disk();
    assert_string_equal(found.text, "");
}

/* $F is the first block of /f. */
static const struct {
    const char *command, *text;
} faults[] = {
    {"sif /f links_count 3", "it has 1 names, and 3 are noted"},
    {"freeb $F", "group 0: 1 blocks are in use, but marked as free"},
    {"setb 4000", "group 3: 1 blocks are marked as used, but nothing uses them"},
    {"sif /g block[0] $F", "is used twice"},
    {"sif /g block[0] 3", "is used twice"}, /* the first bitmap, or descriptors */
    {"sif /g block[0] 99999999", "block 99999999 is outside of the image"},
    {"clri /g", "which is free or reserved"},
    {"sif /f size 1", "it has blocks after its end"},
    {"sif /f blocks 2", "blocks of 512 bytes, and 2 are noted"},
    {"ssv free_blocks_count 7", "superblock: "},
    {"ssv free_inodes_count 7", "inodes are free, and 7 are noted"},
    {"unlink /f", "it is in use, but has no name"},
    {"link /d /again", "is not the only one of directory"},
    {"sif /pipe mode 0070644", "unknown type"},
    {"sif /g mode 0040755", "has a wrong type"},
    {"set_bg 0 free_blocks_count 1", "blocks are free, and 1 are noted"},
    {"freei /f", "group 0: 1 inodes are in use, but marked as free"},
    {"sif /d block[0] 0", "the entry at byte 0 is malformed"},
    {"sif /f file_acl $F", "has no attributes"},
};

static void test_each_fault_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        image_shell(
            "cp 1024.img bad.img && F=$(debugfs -R 'blocks /f' bad.img 2>log | cut -d' ' -f1) && "
            "debugfs -w -R \"%s\" bad.img >log 2>&1",
            faults[i].command);
        image_shell("e2fsck -fn bad.img >log 2>&1; grep -q '? no' log");
        load("bad.img");
        check_disk();
        if (strstr(found.text, faults[i].text) == NULL) {
            fail_msg("%s: %s", faults[i].command, found.text);
        }
        assert_true(found.faults != 0);
    }
}

static void test_the_state_is_reported(void **state)
{
    (void)state;
    image_shell("cp 1024.img bad.img && debugfs -w -R 'ssv state 2' bad.img >log 2>&1");
    load("bad.img");
    check_disk();
    assert_string_equal(found.text, "it was not unmounted\nit is marked as having errors\n");
    image_shell("cp 4096.img bad.img && debugfs -w -R 'feature huge_file' bad.img >log 2>&1");
    load("bad.img");
    assert_int_equal(vfs_check_block(&env_disk.dev, &found), E_NOTSUP);
    memset(env_disk.bytes + 1024, 0, 1024);
    assert_int_equal(vfs_check_block(&env_disk.dev, &found), E_FORMAT);
}

/* More faults than the text has room for are counted. */
static void test_many_faults(void **state)
{
    (void)state;
    image_shell("cp 1024.img bad.img && for i in $(seq 30 120); do "
                "echo sif \"<$i>\" mode 0010644; echo sif \"<$i>\" links_count 1; done >script && "
                "debugfs -w -f script bad.img >log 2>&1");
    load("bad.img");
    check_disk();
    assert_true(found.faults > 91 && found.shown > 50 && found.shown < found.faults);
    assert_true(strlen(found.text) == found.text_len && found.text_len < sizeof(found.text));
}

static void write_text(const char *path, size_t len)
{
    static char text[100000];
    struct file *f;
    size_t done;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, text, len, &done), OK);
    file_close(f);
}

static void check_mounted(void)
{
    assert_int_equal(vfs_check_mounted("/i", &found), OK);
    assert_string_equal(found.text, "");
    assert_int_equal(vfs_check_block(&env_disk.dev, &found), OK);
    assert_int_equal(found.faults, 0);
}

static void test_a_mounted_image(void **state)
{
    static const char *const images[] = {"1024.img", "2048.img", "4096.img"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct file *f;
        load(images[i]);
        assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
        check_mounted();
        assert_int_equal(vfs_remount("/i", true), OK);
        assert_int_equal(vfs_mkdir(NULL, "/i/new"), OK);
        write_text("/i/new/a", 100000);
        write_text("/i/new/b", 10);
        check_mounted();
        assert_int_equal(vfs_open(NULL, "/i/new/a", VFS_READ, &f), OK);
        assert_int_equal(vfs_unlink(NULL, "/i/new/a"), OK);
        assert_int_equal(vfs_unlink(NULL, "/i/d/f"), OK);
        check_mounted(); /* a file without a name is in use */
        file_close(f);
        check_mounted();
        assert_int_equal(vfs_unmount("/i"), OK);
        check_disk();
        assert_string_equal(found.text, "");
    }
    assert_int_equal(vfs_check_mounted("/i", &found), E_INVAL);
    assert_int_equal(vfs_check_mounted("/tmp", &found), E_NOTSUP);
}

static void test_failures_of_memory_and_device(void **state)
{
    (void)state;
    load("1024.img");
    enum status s = E_NOMEM;
    for (int n = 0; s != OK; n++) {
        size_t before = env_live_objects();
        env_allocations_left = n;
        s = vfs_check_block(&env_disk.dev, &found);
        env_allocations_left = -1;
        assert_true(s == OK || s == E_NOMEM);
        assert_int_equal(env_live_objects(), before);
        assert_int_equal(env_disk.refs, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_image_has_no_faults),
        cmocka_unit_test(test_each_fault_is_found),
        cmocka_unit_test(test_the_state_is_reported),
        cmocka_unit_test(test_many_faults),
        cmocka_unit_test(test_a_mounted_image),
        cmocka_unit_test(test_failures_of_memory_and_device),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
