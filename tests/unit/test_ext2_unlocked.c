// SPDX-License-Identifier: MIT
//
// Reads of ext2 and FAT without their locks (known_run.h), with another thread at the worst
// moment: in the middle of a copy. The test copies half, plays the other thread, and copies the
// rest. A lock that the other thread would wait for ends its turn.
#include "drivers/fat/fat.h"
#include "fs/image_bed.h"
#include "kernel/fs/vfs.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rwlock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LEN 1000u /* of each read and write that is interrupted: no other copy has this length */

static struct file *file;
static uint8_t back[3 * LEN], other_back[LEN];

/* ---- The other thread ---- */

static bool is_other;          /* it runs */
static jmp_buf waits;          /* its turn ends there */
static struct rwlock *reading; /* it holds this, or NULL */
static bool (*at_copy)(void);  /* its turn in the next copy */
static enum { NO_TURN, ENDED, WAITED } turn;
static unsigned locks; /* calls of mutex_lock() */

void __real_mutex_lock(struct mutex *m);
void __wrap_mutex_lock(struct mutex *m);
void __wrap_mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    locks++;
    if (is_other && m->owner != NULL) {
        longjmp(waits, 1);
    }
    __real_mutex_lock(m);
}

void __real_rwlock_write(struct rwlock *l);
void __wrap_rwlock_write(struct rwlock *l);
void __wrap_rwlock_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    if (is_other && l->word != 0) {
        longjmp(waits, 1);
    }
    __real_rwlock_write(l);
}

void __real_rwlock_read(struct rwlock *l);
void __wrap_rwlock_read(struct rwlock *l);
void __wrap_rwlock_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    __real_rwlock_read(l);
    reading = is_other ? l : reading;
}

void __real_rwlock_end_read(struct rwlock *l);
void __wrap_rwlock_end_read(struct rwlock *l);
void __wrap_rwlock_end_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    reading = is_other ? NULL : reading;
    __real_rwlock_end_read(l);
}

/* True: its turn ended without a wait. */
static bool take_turn(bool (*act)(void)) NO_LOCK_ANALYSIS
{
    bool is_good = true;
    is_other = true;
    turn = setjmp(waits) == 0 ? ENDED : WAITED;
    if (turn == ENDED) {
        is_good = act();
    } else if (reading != NULL) {
        rwlock_end_read(reading);
    }
    is_other = false;
    reading = NULL;
    return is_good;
}

void *__real___asan_memcpy(void *to, const void *from, size_t len);
void *__wrap___asan_memcpy(void *to, const void *from, size_t len);
void *__wrap___asan_memcpy(void *to, const void *from, size_t len)
{
    bool (*act)(void) = len == LEN ? at_copy : NULL;
    if (act == NULL) {
        return __real___asan_memcpy(to, from, len);
    }
    at_copy = NULL;
    __real___asan_memcpy(to, from, len / 2);
    assert_true(take_turn(act));
    __real___asan_memcpy((uint8_t *)to + len / 2, (const uint8_t *)from + len / 2, len - len / 2);
    return to;
}

/* ---- What both do ---- */

static bool write_letters(char letter)
{
    uint8_t bytes[LEN];
    size_t done = 0;
    memset(bytes, letter, LEN);
    return file_write_at(file, 0, bytes, LEN, &done) == OK && done == LEN;
}

static bool write_b(void)
{
    return write_letters('b');
}

static bool read_other(void)
{
    size_t done = 0;
    return file_read_at(file, 0, other_back, LEN, &done) == OK && done == LEN;
}

static bool cut(void)
{
    return file_set_size(file, 0) == OK;
}

static void expect_letters(char letter)
{
    size_t done = 0;
    assert_int_equal(file_read_at(file, 0, back, LEN, &done), OK);
    assert_int_equal(done, LEN);
    for (size_t i = 0; i < LEN; i++) {
        assert_int_equal(back[i], letter);
    }
}

/* A file of one letter, of which the next read needs no lock. */
static int set_up(const char *image)
{
    image_load(image);
    image_mount(true);
    assert_int_equal(vfs_open(NULL, "/i/file", VFS_READ | VFS_WRITE | VFS_CREATE, &file), OK);
    assert_true(write_letters('a'));
    expect_letters('a');
    turn = NO_TURN;
    return 0;
}

static int set_up_ext2(void **state)
{
    (void)state;
    return set_up("1024.img");
}

static int set_up_fat(void **state)
{
    (void)state;
    return set_up("fat.img");
}

static int set_up_fat_512(void **state)
{
    (void)state;
    return set_up("fat-512.img");
}

static int tear_down_ext2(void **state)
{
    (void)state;
    file_close(file);
    image_unmount();
    image_check_clean();
    return 0;
}

static int tear_down_fat(void **state)
{
    (void)state;
    file_close(file);
    image_unmount();
    image_check_fat();
    return 0;
}

/* ---- Tests ---- */

static void test_a_read_that_a_write_interrupts_is_repeated(void **state)
{
    (void)state;
    at_copy = write_b;
    expect_letters('b'); /* and not a half of each */
    assert_int_equal(turn, ENDED);
    turn = NO_TURN;
    at_copy = write_b;
    expect_letters('b'); /* after a write, too, a read needs no lock */
    assert_int_equal(turn, ENDED);
}

static void test_a_read_waits_for_a_write(void **state)
{
    (void)state;
    at_copy = read_other;
    assert_true(write_letters('c'));
    assert_int_equal(turn, WAITED);
    expect_letters('c');
}

/* The blocks may be another file's after that, so no byte of them may be copied any more. */
static void test_a_cut_waits_for_a_read(void **state)
{
    (void)state;
    at_copy = cut;
    expect_letters('a');
    assert_int_equal(turn, WAITED);
}

static void test_a_cut_file_has_none_of_its_blocks(void **state)
{
    (void)state;
    size_t done = 1;
    assert_true(cut());
    assert_int_equal(image_write_text("/i/heir", "the blocks are this file's now"), OK);
    assert_int_equal(file_read_at(file, 0, back, LEN, &done), OK);
    assert_int_equal(done, 0);
    assert_int_equal(file_set_size(file, LEN), OK);
    expect_letters('\0');
}

/* Bytes of two pages are not copied from one. */
static void test_a_read_of_two_pages(void **state)
{
    (void)state;
    uint8_t bytes[3 * LEN];
    size_t done = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 % 251);
    }
    for (size_t at = 0; at < 8; at++) {
        uint64_t off = at * sizeof(bytes);
        assert_int_equal(file_write_at(file, off, bytes, sizeof(bytes), &done), OK);
    }
    for (size_t at = 0; at < 8; at++) { /* some of these lie in two pages */
        for (int i = 0; i < 2; i++) {
            memset(back, 0, sizeof(back));
            assert_int_equal(file_read_at(file, at * sizeof(bytes), back, sizeof(back), &done), OK);
            assert_int_equal(done, sizeof(back));
            assert_memory_equal(back, bytes, sizeof(bytes));
        }
    }
}

/* The last block has more bytes than the file. */
static void test_a_read_ends_with_the_file(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        size_t done = 0;
        assert_int_equal(file_read_at(file, 0, back, LEN + 20, &done), OK);
        assert_int_equal(done, LEN);
    }
}

/* Clusters of 512 bytes: one run for the whole file, and pages that have a part of each read. */
static void test_a_large_file_is_read_again_without_the_lock(void **state)
{
    static uint8_t piece[8 * LEN];
    size_t done = 0;
    unsigned first = 0;
    (void)state;
    struct file *large;
    assert_int_equal(vfs_open(NULL, "/i/large", VFS_READ | VFS_WRITE | VFS_CREATE, &large), OK);
    assert_int_equal(file_set_size(large, 100 * sizeof(piece)), OK);
    for (unsigned i = 0; i < 200; i++) {
        first = i == 100 ? locks : first;
        uint64_t off = i % 100 * sizeof(piece);
        assert_int_equal(file_read_at(large, off, piece, sizeof(piece), &done), OK);
        assert_int_equal(done, sizeof(piece));
    }
    assert_int_equal(locks, first);
    file_close(large);
}

static enum status make(struct block_device *dev, struct fs **out)
{
    return fat_format.make(dev, out);
}

static enum status make_named(const char *source, struct fs **out)
{
    (void)source, (void)out;
    return E_NODEV;
}

static int make_images(void **state)
{
    static const struct fs_added added = {.make = make, .make_named = make_named};
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell("mke2fs -q -t ext2 -b 1024 1024.img 1M 2>log");
    image_shell("mkfs.fat -F 16 -s 8 -C fat.img 20000 >log");
    image_shell("mkfs.fat -F 16 -s 1 -C fat-512.img 20000 >log");
    fs_set_added(&added);
    return 0;
}

#define TEST(name, fs) cmocka_unit_test_setup_teardown(name, set_up_##fs, tear_down_##fs)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_read_that_a_write_interrupts_is_repeated, ext2),
        TEST(test_a_read_waits_for_a_write, ext2),
        TEST(test_a_cut_waits_for_a_read, ext2),
        TEST(test_a_cut_file_has_none_of_its_blocks, ext2),
        TEST(test_a_read_of_two_pages, ext2),
        TEST(test_a_read_ends_with_the_file, ext2),
        TEST(test_a_read_that_a_write_interrupts_is_repeated, fat),
        TEST(test_a_read_waits_for_a_write, fat),
        TEST(test_a_cut_waits_for_a_read, fat),
        TEST(test_a_cut_file_has_none_of_its_blocks, fat),
        TEST(test_a_read_of_two_pages, fat),
        TEST(test_a_read_ends_with_the_file, fat),
        cmocka_unit_test_setup_teardown(test_a_large_file_is_read_again_without_the_lock,
                                        set_up_fat_512, tear_down_fat),
    };
    return cmocka_run_group_tests(tests, make_images, image_tear_down);
}
