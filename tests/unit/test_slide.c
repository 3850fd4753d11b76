// SPDX-License-Identifier: MIT
//
// boot/slide.c and the pool of random bits for slides: the first instructions interpret the word
// aslr=off as kernel/boot/cmdline.c does, for each boot protocol; the table has the format that
// scripts/lib/slide.py writes (tests/tools/test_slide.py tests the other side).
#include "boot/slide.h"

#include "boot/multiboot2_tags.h"
#include "boot/pvh.h"
#include "fake/fake_boot_mem.h"
#include "hal/bootinfo.h"
#include "kernel/boot/cmdline.h"
#include "kernel/lib/sip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START 0x6000
#define TEXT  0x7000

/* The rest of the kernel's interpretation of the same text. */
static bool kernel_says(const char *text)
{
    static struct cmdline c;
    static char copy[BOOT_CMDLINE_MAX];
    (void)boot_copy_string((const uint8_t *)text, strlen(text), copy, sizeof(copy));
    cmdline_parse(copy, &c);
    return c.no_aslr;
}

static bool is_off(const char *text)
{
    size_t len = strlen(text);
    char *exact = malloc(len + 1); /* of exactly this size: the sanitizer detects a read past it */
    memcpy(exact, text, len);
    bool off = slide_is_off(exact, len);
    free(exact);
    assert_int_equal(off, kernel_says(text));
    return off;
}

static void test_the_word_is_found_among_others(void **state)
{
    (void)state;
    assert_true(is_off("aslr=off"));
    assert_true(is_off(" loglevel=debug\taslr=off\r\nshell"));
    assert_true(is_off("'asl'r=\"off\""));
    assert_true(is_off("aslr\\=off"));
    assert_true(is_off("\"\" aslr=off"));
}

static void test_other_words_do_not_match(void **state)
{
    (void)state;
    static const char *const others[] = {"",
                                         " ",
                                         "aslr",
                                         "aslr=",
                                         "aslr=on",
                                         "aslr=of",
                                         "aslr=off1",
                                         "xaslr=off",
                                         "aslr=off=off",
                                         "run=aslr=off",
                                         "'x aslr=off'",
                                         "'aslr=off x'",
                                         "-- aslr=off",
                                         "run=/x -- aslr=off",
                                         "'--' aslr=off",
                                         "aslr=off\\",
                                         "\\ aslr=off"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (is_off(others[i])) {
            fail_msg("%s", others[i]);
        }
    }
}

static void test_a_truncated_word_does_not_match(void **state)
{
    (void)state;
    static char text[BOOT_CMDLINE_MAX + 64];
    for (size_t at = BOOT_CMDLINE_MAX - 16; at < BOOT_CMDLINE_MAX + 16; at++) {
        memset(text, ' ', sizeof(text));
        memcpy(text + at, "aslr=off", 9);
        assert_int_equal(is_off(text), at + 8 < BOOT_CMDLINE_MAX);
    }
}

/* Random combinations of these pieces. */
static void test_random_texts_mean_the_same_to_the_kernel(void **state)
{
    (void)state;
    static const char *const pieces[] = {"aslr=off", "aslr=", "off", " ",  "\t", "'", "\"",
                                         "\\",       "--",    "x",   "=o", "ff", "a", "slr"};
    uint64_t seed = 1;
    unsigned found = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char text[128] = "";
        for (unsigned n = 0; n < 10; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            strcat(text, pieces[(seed >> 33) % ARRAY_COUNT(pieces)]);
        }
        found += is_off(text);
    }
    assert_true(found > 100);
}

static bool multiboot2(const struct blob *block, uint64_t phys)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, START, block->bytes, block->len);
    bool off = slide_is_off_multiboot2(&f.mem, phys);
    fake_boot_mem_release(&f);
    return off;
}

/* A loader's name, the command line, the end tag. */
static void put_block(struct blob *b, const char *text)
{
    uint32_t size = MULTIBOOT2_HEADER_SIZE + (uint32_t)strlen(text) + 1;
    b->len = 0;
    blob_le32(b, 8 + 16 + ALIGN_UP(size, 8u) + 8);
    blob_le32(b, 0);
    blob_le32(b, 2);
    blob_le32(b, 12);
    blob_le64(b, 0x42555247);
    blob_le32(b, MULTIBOOT2_CMDLINE);
    blob_le32(b, size);
    blob_put(b, text, strlen(text) + 1);
    blob_align(b, 8);
    blob_le32(b, MULTIBOOT2_END);
    blob_le32(b, 8);
}

static void test_multiboot2(void **state)
{
    (void)state;
    static struct blob b;
    put_block(&b, "shell aslr=off");
    assert_true(multiboot2(&b, START));
    assert_false(multiboot2(&b, START + 0x100000));
    for (size_t len = 0; len < b.len; len++) {
        struct blob cut = b;
        cut.len = len;
        assert_false(multiboot2(&cut, START));
    }
    put_block(&b, "shell");
    assert_false(multiboot2(&b, START));
    b.bytes[28] = 0xff; /* the tag extends past the end */
    assert_false(multiboot2(&b, START));
}

static bool pvh(const struct blob *start, const char *text, size_t len)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, START, start->bytes, start->len);
    fake_boot_mem_add(&f, TEXT, text, len);
    bool off = slide_is_off_pvh(&f.mem, START);
    fake_boot_mem_release(&f);
    return off;
}

static void test_pvh(void **state)
{
    (void)state;
    static const char text[] = "shell aslr=off";
    static struct blob start;
    blob_le32(&start, PVH_START_MAGIC);
    blob_le32(&start, 1);
    blob_le64(&start, 0);
    blob_le64(&start, 0);
    blob_le64(&start, TEXT);
    for (unsigned i = 0; i < 3; i++) {
        blob_le64(&start, 0);
    }
    assert_true(pvh(&start, text, sizeof(text)));
    assert_false(pvh(&start, text, sizeof(text) - 1)); /* its end cannot be read */
    assert_false(pvh(&start, "shell", 6));
    start.len--;
    assert_false(pvh(&start, text, sizeof(text)));
    start.len++;
    start.bytes[0] ^= 1;
    assert_false(pvh(&start, text, sizeof(text)));
    start.bytes[0] ^= 1;
    memset(start.bytes + PVH_CMDLINE_AT, 0, 8);
    assert_false(pvh(&start, text, sizeof(text)));
    memset(start.bytes + PVH_CMDLINE_AT, 0xff, 8);
    assert_false(pvh(&start, text, sizeof(text)));
}

static void test_places_of_a_table(void **state)
{
    (void)state;
    static const uint8_t table[] = {0, 0x50, 2, 0x20, 0, 8, 255, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0};
    static const size_t places[] = {0x200250, 0x200258, 0x200357, 0x200457, 0x200458};
    struct slide_cursor c = {.next = table};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        assert_true(slide_next(&c));
        assert_int_equal(c.at, places[i]);
    }
    assert_false(slide_next(&c));
    assert_ptr_equal(c.next, table + sizeof(table));
    static const uint8_t none[] = {0, 0, 0, 0, 0};
    c = (struct slide_cursor){.next = none};
    assert_false(slide_next(&c));
}

static uint64_t word_of(uint64_t domain, const char *input)
{
    struct sip s;
    sip_begin(&s, domain);
    sip_absorb_bytes(&s, (const uint8_t *)input, strlen(input));
    return sip_word(&s);
}

/* Not randomness itself, but that each input bit matters, and that no pool reveals another. */
static void test_words_of_a_pool(void **state)
{
    (void)state;
    assert_int_equal(word_of(1, "seed"), word_of(1, "seed"));
    assert_int_not_equal(word_of(1, "seed"), word_of(2, "seed"));
    assert_int_not_equal(word_of(1, "seed") % 0x4000, word_of(1, "seee") % 0x4000);
    assert_int_not_equal(word_of(1, ""), word_of(1, "s"));
    unsigned in_slot[16] = {0};
    struct sip s;
    for (uint64_t counter = 0; counter < 16000; counter++) {
        sip_begin(&s, 1);
        sip_absorb(&s, counter);
        in_slot[sip_word(&s) % ARRAY_COUNT(in_slot)]++;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(in_slot); i++) {
        assert_in_range(in_slot[i], 850, 1150); /* 1000 expected, standard deviation 31 */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_word_is_found_among_others),
        cmocka_unit_test(test_other_words_do_not_match),
        cmocka_unit_test(test_a_truncated_word_does_not_match),
        cmocka_unit_test(test_random_texts_mean_the_same_to_the_kernel),
        cmocka_unit_test(test_multiboot2),
        cmocka_unit_test(test_pvh),
        cmocka_unit_test(test_places_of_a_table),
        cmocka_unit_test(test_words_of_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
