// SPDX-License-Identifier: MIT
//
// Small blocks of code that share pages: no page is ever writable and executable, older blocks keep
// their bytes, and everything is freed whatever fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/jit/code/code_kernel.h"
#include "kernel/jit/code/codechunk.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/compiler.h"

#define FILL   0xcc
#define SMALL  200u /* takes 256 bytes */
#define BLOCKS 40u
#define RX     ((unsigned)(PROT_R | PROT_X))

static int boot(void **state)
{
    int result = world_boot(state);
    codemem_init();
    return result;
}

static unsigned prot_of(uint64_t address)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)ALIGN_DOWN(address, (uint64_t)PAGE_SIZE), &m) ? m.prot
                                                                                : PROT_NONE;
}

static size_t frames_used(void)
{
    size_t all, used;
    codemem_get_stats(&all, &used);
    return used;
}

static const uint8_t *code_at(uint64_t address)
{
    return (const uint8_t *)(uintptr_t)address;
}

static bool consists_of(const uint8_t *bytes, uint8_t of, size_t count)
{
    size_t n = 0;
    while (n < count && bytes[n] == of) {
        n++;
    }
    return n == count;
}

/* ---- Chunks ---- */

static void put(struct codechunk *c, size_t bytes, uint8_t byte, vaddr_t *at)
{
    uint8_t *writable = codechunk_alloc(c, bytes, FILL, at);
    assert_non_null(writable);
    memset(writable, byte, bytes);
    assert_int_equal(codechunk_seal(c), OK);
}

static void test_the_shared_page_does_not_run_while_it_is_written(void **state)
{
    (void)state;
    vaddr_t first, second;
    struct codechunk *c = codechunk_create("test", false);
    assert_non_null(c);
    put(c, SMALL, 1, &first);
    assert_int_equal(prot_of(first), RX);
    uint8_t *writable = codechunk_alloc(c, SMALL, FILL, &second);
    assert_int_equal(second, first + 256);
    assert_int_equal(prot_of(first), PROT_R);
    assert_int_equal(prot_of((uintptr_t)writable), PROT_R | PROT_W);
    memset(writable, 2, SMALL);
    size_t before = strlen(fake_journal());
    assert_int_equal(codechunk_seal(c), OK);
    /* The alias leaves the TLBs, the page becomes executable, and then instructions are fetched. */
    assert_string_equal(fake_journal() + before, " tlb tlb icache");
    assert_int_equal(prot_of((uintptr_t)writable), PROT_NONE);
    assert_int_equal(prot_of(first), RX);
    assert_true(consists_of(code_at(first), 1, SMALL));
    assert_true(consists_of(code_at(second), 2, SMALL));
    assert_true(consists_of(code_at(second) + SMALL, FILL, PAGE_SIZE - 256 - SMALL));
    assert_int_equal(frames_used(), 1);
    assert_false(codechunk_free(c));
    assert_true(codechunk_free(c));
    codechunk_destroy(c);
    assert_int_equal(frames_used(), 0);
    assert_int_equal(prot_of(first), PROT_NONE);
}

static void test_a_block_that_is_not_sealed_leaves_no_trace(void **state)
{
    (void)state;
    vaddr_t first, second, third;
    struct codechunk *c = codechunk_create("test", true);
    assert_non_null(c);
    put(c, SMALL, 1, &first);
    uint8_t *writable = codechunk_alloc(c, 2 * PAGE_SIZE, FILL, &second);
    memset(writable, 2, 2 * PAGE_SIZE);
    assert_false(codechunk_free(c));
    assert_int_equal(prot_of(first), RX | PROT_GUARDED);
    assert_int_equal(prot_of(second + PAGE_SIZE), PROT_NONE);
    assert_int_equal(codechunk_pages(c, 2 * PAGE_SIZE), 0);
    put(c, SMALL, 3, &third);
    assert_int_equal(third, second);
    assert_true(consists_of(code_at(first), 1, SMALL));
    assert_true(consists_of(code_at(third), 3, SMALL));
    assert_true(consists_of(code_at(third) + SMALL, FILL, PAGE_SIZE - 256 - SMALL));
    assert_int_equal(prot_of(third + PAGE_SIZE), PROT_NONE);
    (void)codechunk_free(c);
    assert_true(codechunk_free(c));
    codechunk_destroy(c);
    assert_int_equal(frames_used(), 0);
}

static void test_blocks_fill_a_chunk_to_its_end(void **state)
{
    (void)state;
    vaddr_t first, last, at;
    struct codechunk *c = codechunk_create("test", false);
    assert_non_null(c);
    put(c, SMALL, 1, &first);
    put(c, CODECHUNK_PAGES * PAGE_SIZE - 512, 2, &at);
    assert_int_equal(codechunk_pages(c, 256), 0);
    assert_true(codechunk_pages(c, 257) == SIZE_MAX);
    assert_true(codechunk_pages(c, SIZE_MAX) == SIZE_MAX);
    put(c, 256, 3, &last);
    assert_int_equal(last + 256, first + CODECHUNK_PAGES * PAGE_SIZE);
    assert_true(consists_of(code_at(at), 2, CODECHUNK_PAGES * PAGE_SIZE - 512));
    assert_true(codechunk_pages(c, 1) == SIZE_MAX);
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(codechunk_free(c), n == 2);
    }
    codechunk_destroy(c);
}

/* ---- Programs ---- */

static struct code_kernel pieces;
static struct code_block blocks[BLOCKS];

static void prepare(bool has_one_thread)
{
    pieces = (struct code_kernel){.name = "test", .fill = FILL, .has_one_thread = has_one_thread};
    code_kernel_init(&pieces);
}

/* Sizes from a few bytes to more than a page, in several chunks. */
static size_t size_of(unsigned n)
{
    return n % 8 == 7 ? 30000 : 100 + 600 * (n % 8);
}

static bool place(unsigned n)
{
    if (pieces.space.alloc(pieces.space.ctx, size_of(n), &blocks[n]) != OK) {
        return false;
    }
    memset(blocks[n].bytes, (int)n + 1, blocks[n].size);
    if (pieces.space.seal(pieces.space.ctx, &blocks[n]) != OK) {
        pieces.space.free(pieces.space.ctx, &blocks[n]);
        return false;
    }
    return true;
}

/* All that were placed can run. */
static void look_at(unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        assert_int_equal(prot_of(blocks[n].address), RX);
        assert_int_equal(prot_of(blocks[n].address + size_of(n) - 1), RX);
        assert_true(consists_of(code_at(blocks[n].address), (uint8_t)(n + 1), size_of(n)));
    }
}

static bool place_all(void)
{
    unsigned count = 0;
    prepare(true);
    while (count < BLOCKS && place(count)) {
        count++;
    }
    look_at(count);
    for (unsigned n = 0; n < count; n++) {
        pieces.space.free(pieces.space.ctx, &blocks[n]);
    }
    assert_null(pieces.chunk);
    assert_int_equal(pieces.pages, 0);
    assert_int_equal(frames_used(), 0);
    return count == BLOCKS;
}

static void test_blocks_of_a_program_with_one_thread_share_pages(void **state)
{
    (void)state;
    size_t bytes = 0;
    prepare(true);
    for (unsigned n = 0; n < BLOCKS; n++) {
        assert_true(place(n));
        bytes += blocks[n].size;
    }
    assert_true(pieces.pages * PAGE_SIZE < bytes + 2 * PAGE_SIZE);
    assert_int_equal(pieces.pages, frames_used());
    for (unsigned n = 0; n < BLOCKS; n++) {
        pieces.space.free(pieces.space.ctx, &blocks[n]);
    }
    assert_true(place_all());
}

static void test_other_programs_blocks_have_pages_of_their_own(void **state)
{
    (void)state;
    prepare(false);
    assert_true(place(0) && place(1));
    assert_int_equal(pieces.pages, 2);
    assert_int_equal(blocks[0].address % PAGE_SIZE, 0);
    assert_int_equal(blocks[1].address % PAGE_SIZE, 0);
    pieces.space.free(pieces.space.ctx, &blocks[0]);
    pieces.space.free(pieces.space.ctx, &blocks[1]);
}

static void test_out_of_memory_at_each_allocation(void **state)
{
    (void)state;
    fake_sweep("blocks that share pages", place_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shared_page_does_not_run_while_it_is_written),
        cmocka_unit_test(test_a_block_that_is_not_sealed_leaves_no_trace),
        cmocka_unit_test(test_blocks_fill_a_chunk_to_its_end),
        cmocka_unit_test(test_blocks_of_a_program_with_one_thread_share_pages),
        cmocka_unit_test(test_other_programs_blocks_have_pages_of_their_own),
        cmocka_unit_test(test_out_of_memory_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
