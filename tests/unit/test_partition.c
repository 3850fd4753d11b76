// SPDX-License-Identifier: MIT
//
// kernel/io/partition_table.c: tables that are right, and every fault that it knows.
#include "kernel/io/partition_table.h"

#include "fs/fs_env.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BLOCKS 2048u /* of the disk */

static struct partition_table table;
static uint32_t block_size = 512;

static int set_up(void **state)
{
    (void)state;
    static const uint8_t empty[BLOCKS * 4096];
    env_reset();
    env_disk_init(empty, (size_t)BLOCKS * block_size);
    env_disk.dev.logical_block = block_size;
    return 0;
}

static uint8_t *block(uint64_t at)
{
    return env_disk.bytes + at * block_size;
}

/* ---- MBR ---- */

static void put_entry(uint64_t at, uint32_t i, uint8_t type, uint32_t first, uint32_t count)
{
    uint8_t *e = block(at) + 446 + (size_t)i * 16;
    e[4] = type;
    store_le32(e + 8, first);
    store_le32(e + 12, count);
    block(at)[510] = 0x55;
    block(at)[511] = 0xaa;
}

/* "1:63+100 5:200+10": what was found, in blocks. */
static void expect(const char *wanted)
{
    char found[512] = "";
    size_t n = 0;
    uint32_t scale = block_size / BLOCK_SECTOR;
    enum status s = partition_table_read(&env_disk.dev, &table);
    if (s == E_CORRUPT) {
        assert_int_equal(table.count, 0);
        snprintf(found, sizeof(found), "%s", table.why);
    } else {
        assert_int_equal(s, OK);
    }
    for (uint32_t i = 0; i < table.count && n < sizeof(found); i++) {
        const struct partition *p = &table.partitions[i];
        n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%u:%u+%u", i > 0 ? " " : "",
                              p->number, (unsigned)(p->first / scale),
                              (unsigned)(p->sectors / scale));
    }
    assert_string_equal(found, wanted);
    assert_int_equal(env_live_objects(), 0);
}

static void expect_no_table(void)
{
    assert_int_equal(partition_table_read(&env_disk.dev, &table), E_FORMAT);
}

static void test_no_table(void **state)
{
    (void)state;
    expect_no_table();
    put_entry(0, 0, 0x83, 1, 100);
    block(0)[446] = 0x33; /* code of a boot sector */
    expect_no_table();
    block(0)[446] = 0x80;
    expect("1:1+100");
    block(0)[511] = 0;
    expect_no_table();
    env_disk.dev.sectors = block_size / BLOCK_SECTOR;
    expect_no_table();
    env_disk.dev.sectors = BLOCKS;
    env_disk.bad_sector = 0;
    assert_int_equal(partition_table_read(&env_disk.dev, &table), E_IO);
    env_allocations_left = 1;
    assert_int_equal(partition_table_read(&env_disk.dev, &table), E_NOMEM);
    assert_int_equal(env_live_objects(), 0);
}

static void test_mbr(void **state)
{
    (void)state;
    put_entry(0, 0, 0, 0, 0);
    expect("");
    put_entry(0, 1, 0x83, 63, 100);
    put_entry(0, 3, 0x0c, 1048, 1000); /* to the last block */
    expect("2:63+100 4:1048+1000");
    assert_string_equal(table.scheme, "MBR");
}

static void test_logical_partitions(void **state)
{
    (void)state;
    put_entry(0, 0, 0x83, 1, 99);
    put_entry(0, 1, 0x05, 100, 900);
    put_entry(0, 2, 0x83, 1000, 48);
    put_entry(100, 0, 0x83, 2, 98);
    put_entry(100, 1, 0x05, 500, 100); /* relative to the extended partition */
    put_entry(600, 0, 0x82, 1, 99);
    put_entry(600, 1, 0x05, 200, 100); /* backwards is allowed */
    put_entry(300, 0, 0x83, 10, 20);
    expect("1:1+99 3:1000+48 5:102+98 6:601+99 7:310+20");
}

static void test_an_mbr_with_faults(void **state)
{
    (void)state;
    put_entry(0, 0, 0x83, 100, 200);
    put_entry(0, 1, 0x83, 299, 200);
    expect("partitions 1 and 2 overlap");
    put_entry(0, 1, 0x83, 300, BLOCKS - 299);
    expect("partition 2 ends past the end of the disk");
    put_entry(0, 1, 0x83, UINT32_MAX, UINT32_MAX);
    expect("partition 2 ends past the end of the disk");
    put_entry(0, 1, 0x83, 0, 100);
    expect("partition 2 overlaps the table");
    put_entry(0, 1, 0x05, 250, 200);
    expect("partitions 1 and 2 overlap");
}

static void test_a_chain_with_faults(void **state)
{
    (void)state;
    put_entry(0, 0, 0x0f, 100, 900);
    expect("extended partition 1 has no table at block 100");
    put_entry(100, 0, 0x83, 1, 10);
    put_entry(100, 1, 0x05, 0, 10);
    expect("the chain of extended partition 1 is a loop");
    put_entry(100, 1, 0x05, 100, 10);
    put_entry(200, 0, 0x83, 1, 10);
    put_entry(200, 1, 0x05, 0, 10);
    expect("the chain of extended partition 1 is a loop");
    put_entry(200, 1, 0x05, 100, 10);
    put_entry(300, 1, 0x05, 100, 10); /* itself */
    expect("the chain of extended partition 1 is a loop");
    put_entry(200, 1, 0x05, 900, 10);
    expect("the chain of extended partition 1 leaves it");
    put_entry(200, 1, 0, 0, 0);
    put_entry(200, 0, 0x83, 1, 800);
    expect("partition 6 ends past the end of extended partition 1");
    put_entry(200, 0, 0x83, UINT32_MAX, 1);
    expect("partition 6 ends past the end of extended partition 1");
    put_entry(200, 0, 0x83, 0, 10);
    expect("partition 6 overlaps the table");
    put_entry(100, 0, 0x83, 1, 120); /* over the next block of the chain */
    expect("partition 5 overlaps the table");
    put_entry(100, 0, 0x83, 105, 20);
    put_entry(200, 0, 0x83, 6, 10);
    expect("partitions 5 and 6 overlap");
}

static void test_a_long_chain(void **state)
{
    (void)state;
    put_entry(0, 0, 0x05, 1, BLOCKS - 1);
    for (uint32_t i = 0; i < 200; i++) {
        put_entry(1 + i * 2, 0, 0x83, 1, 1);
        put_entry(1 + i * 2, 1, 0x05, i * 2 + 2, 2);
    }
    expect("it has more than 128 partitions");
    put_entry(1 + 127 * 2, 1, 0, 0, 0);
    assert_int_equal(partition_table_read(&env_disk.dev, &table), OK);
    assert_int_equal(table.count, 128);
    assert_int_equal(table.partitions[127].number, 132);
}

/* ---- GPT ---- */

static uint32_t crc32(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (crc ^ (uint32_t)(bytes[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (bit != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void seal(uint64_t at)
{
    uint8_t *h = block(at);
    const uint8_t *array = block(load_le64(h + 72));
    store_le32(h + 88, crc32(array, (size_t)load_le32(h + 80) * load_le32(h + 84)));
    store_le32(h + 16, 0);
    store_le32(h + 16, crc32(h, 92));
}

static uint64_t array_blocks(void)
{
    return 16384 / block_size;
}

static void put_header(uint64_t at, uint64_t array)
{
    uint8_t *h = block(at);
    memcpy(h, "EFI PART", 8);
    store_le32(h + 8, 0x10000);
    store_le32(h + 12, 92);
    store_le64(h + 24, at);
    store_le64(h + 32, BLOCKS - at);
    store_le64(h + 40, 2 + array_blocks());
    store_le64(h + 48, BLOCKS - array_blocks() - 2);
    store_le64(h + 72, array);
    store_le32(h + 80, 128);
    store_le32(h + 84, 128);
    seal(at);
}

static void put_headers(void)
{
    put_header(1, 2);
    put_header(BLOCKS - 1, BLOCKS - 1 - array_blocks());
}

/* In both copies. */
static void put_partition(uint32_t i, uint64_t first, uint64_t last)
{
    const uint64_t arrays[] = {2, BLOCKS - 1 - array_blocks()};
    for (int copy = 0; copy < 2; copy++) {
        uint8_t *e = block(arrays[copy]) + (size_t)i * 128;
        memset(e, first != 0 ? 0xaf : 0, 16);
        store_le64(e + 32, first);
        store_le64(e + 40, last);
    }
    put_headers();
}

static void put_gpt(void)
{
    put_entry(0, 0, 0xee, 1, BLOCKS - 1);
    put_partition(0, 100, 199);
    put_partition(5, 200, 200);
}

static void test_gpt(void **state)
{
    (void)state;
    put_gpt();
    expect("1:100+100 6:200+1");
    assert_string_equal(table.scheme, "GPT");
    assert_false(table.is_backup);
    put_entry(0, 0, 0x83, 1, 10); /* the GPT is older */
    expect("1:1+10");
}

static void test_the_backup_is_used(void **state)
{
    (void)state;
    put_gpt();
    block(1)[56] ^= 1;
    expect("1:100+100 6:200+1");
    assert_true(table.is_backup);
    assert_string_equal(table.why, "the GPT header in block 1 has a wrong CRC");
    put_headers();
    block(2)[300] ^= 1;
    expect("1:100+100 6:200+1");
    assert_string_equal(table.why, "the GPT entries for block 1 have a wrong CRC");
    memset(block(1), 0, block_size);
    expect("1:100+100 6:200+1");
    assert_string_equal(table.why, "block 1 is no GPT header");
    env_disk.bad_sector = block_size / BLOCK_SECTOR;
    expect("1:100+100 6:200+1");
    assert_string_equal(table.why, "the GPT in block 1 cannot be read");
    block(BLOCKS - 1)[56] ^= 1;
    expect("the GPT in block 1 cannot be read");
    env_disk.bad_sector = UINT64_MAX;
    expect("block 1 is no GPT header");
}

static void test_a_gpt_with_faults(void **state)
{
    (void)state;
    put_gpt();
    put_partition(5, 199, 210);
    expect("partitions 1 and 6 overlap");
    put_partition(5, 300, 299);
    expect("partition 6 ends before it begins");
    put_partition(5, 0, UINT64_MAX); /* no type: not used */
    expect("1:100+100");
    put_partition(5, 1, UINT64_MAX);
    expect("partition 6 ends past the end of the disk");
    put_partition(5, 1000, BLOCKS);
    expect("partition 6 ends past the end of the disk");
    put_partition(5, 1000, BLOCKS - 2);
    expect("partition 6 is outside of the blocks for partitions");
    put_partition(5, 1, 99);
    expect("partition 6 is outside of the blocks for partitions");
}

/* Both headers have the field, and right CRCs. */
static void expect_refused(size_t offset, uint64_t value, size_t len)
{
    for (uint64_t at = 1; at < BLOCKS; at += BLOCKS - 2) {
        uint8_t bytes[8];
        store_le64(bytes, value);
        memcpy(block(at) + offset, bytes, len);
        store_le32(block(at) + 16, 0);
        store_le32(block(at) + 16, crc32(block(at), 92));
    }
    assert_int_equal(partition_table_read(&env_disk.dev, &table), E_CORRUPT);
    assert_string_not_equal(table.why, "");
    put_headers();
}

static void test_a_gpt_header_that_lies(void **state)
{
    (void)state;
    put_gpt();
    expect_refused(12, 91, 4);
    expect_refused(12, UINT32_MAX, 4);
    expect_refused(24, 7, 8);
    expect_refused(40, BLOCKS, 8);
    expect_refused(48, BLOCKS, 8);
    expect_refused(48, UINT64_MAX, 8);
    expect_refused(72, 0, 8);
    expect_refused(72, BLOCKS - 2, 8);
    expect_refused(72, UINT64_MAX, 8);
    expect_refused(80, 0, 4);
    expect_refused(80, UINT32_MAX, 4);
    expect_refused(84, 64, 4);
    expect_refused(84, 132, 4);
    expect_refused(84, UINT32_MAX, 4);
    /* A partition over the array of the entries, which may be anywhere. */
    put_partition(5, 400, 500);
    memcpy(block(450), block(2), 16384);
    put_header(1, 450);
    expect("partition 6 overlaps the table");
}

static int set_up_large(void **state)
{
    block_size = 4096;
    return set_up(state);
}

static int tear_down_large(void **state)
{
    (void)state;
    block_size = 512;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_table, set_up),
        cmocka_unit_test_setup(test_mbr, set_up),
        cmocka_unit_test_setup(test_logical_partitions, set_up),
        cmocka_unit_test_setup(test_an_mbr_with_faults, set_up),
        cmocka_unit_test_setup(test_a_chain_with_faults, set_up),
        cmocka_unit_test_setup(test_a_long_chain, set_up),
        cmocka_unit_test_setup(test_gpt, set_up),
        cmocka_unit_test_setup(test_the_backup_is_used, set_up),
        cmocka_unit_test_setup(test_a_gpt_with_faults, set_up),
        cmocka_unit_test_setup(test_a_gpt_header_that_lies, set_up),
        cmocka_unit_test_setup_teardown(test_gpt, set_up_large, tear_down_large),
        cmocka_unit_test_setup_teardown(test_logical_partitions, set_up_large, tear_down_large),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
