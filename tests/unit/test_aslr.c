// SPDX-License-Identifier: MIT
//
// Random placement at boot: each area lies in its region, page aligned, with room for all memory,
// and somewhere else each time.
#include "kernel/mm/aslr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/bootinfo.h"
#include "kernel/io/random.h"

#define GIB    ((uint64_t)1 << 30)
#define ROUNDS 200

static const enum hal_region moved[] = {HAL_REGION_VM, HAL_REGION_PROGRAM, HAL_REGION_CODE};

static struct boot_info info;

static void with_ram_up_to(uint64_t end)
{
    info.range_count = 1;
    info.ranges[0] = (struct boot_range){.base = 0, .len = end, .kind = BOOT_RAM};
}

static void init_with_random(void)
{
    uint64_t words[ASLR_WORDS];
    random_bytes(words, sizeof words);
    aslr_init(&info, words);
}

static void test_without_randomization_addresses_are_fixed(void **state)
{
    (void)state;
    with_ram_up_to(GIB);
    aslr_init(&info, NULL);
    assert_int_equal(aslr_direct_base(), HAL_DIRECT_BASE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(aslr_offset(moved[i]), 0);
    }
}

static void test_everything_stays_in_its_region(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {
        16 << 20, GIB, 64 * GIB, HAL_DIRECT_SIZE - GIB, HAL_DIRECT_SIZE, HAL_DIRECT_SIZE + GIB};
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t size = sizes[round % 6];
        with_ram_up_to(size);
        init_with_random();
        uint64_t slide = aslr_direct_base() - HAL_DIRECT_BASE;
        assert_int_equal(slide % GIB, 0);
        assert_true(slide == 0 || slide + size <= HAL_DIRECT_SIZE);
        assert_int_equal(aslr_offset(HAL_REGION_IMAGE), 0);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(aslr_offset(moved[i]) % PAGE_SIZE, 0);
            assert_true(aslr_offset(moved[i]) <= hal_layout.region[moved[i]].size / 2);
        }
    }
}

static void test_no_two_boots_are_alike(void **state)
{
    (void)state;
    uint64_t direct[ROUNDS], vm[ROUNDS];
    unsigned same = 0;
    with_ram_up_to(GIB);
    for (unsigned i = 0; i < ROUNDS; i++) {
        init_with_random();
        direct[i] = aslr_direct_base();
        vm[i] = aslr_offset(HAL_REGION_VM);
        for (unsigned j = 0; j < i; j++) {
            same += direct[i] == direct[j];
            assert_int_not_equal(vm[i],
                                 vm[j]); /* of 2^31 places: equal once in a hundred thousand runs */
        }
    }
    assert_true(same < ROUNDS); /* of 19,900 pairs; the fake has a thousand places */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_randomization_addresses_are_fixed),
        cmocka_unit_test(test_everything_stays_in_its_region),
        cmocka_unit_test(test_no_two_boots_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
