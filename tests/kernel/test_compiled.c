// SPDX-License-Identifier: MIT
//
// Compiled code in memory while it runs: it is executable, no mapping of its frames is writable,
// and it contains no address of the kernel.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"

/*
 * (module (import "host" "look" (func $look))
 *   (memory 1) (global $g (mut i64) (i64.const 5)) (table 2 funcref)
 *   (elem (i32.const 0) $inner $inner)
 *   (func $inner (call $look)
 *     (global.set $g (i64.add (global.get $g) (i64.load (i32.const 8)))))
 *   (func (export "f") (call_indirect (i32.const 1)) (i64.store (i32.const 16) (global.get $g))))
 */
static const uint8_t program[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x02,
    0x0d, 0x01, 0x04, 0x68, 0x6f, 0x73, 0x74, 0x04, 0x6c, 0x6f, 0x6f, 0x6b, 0x00, 0x00, 0x03,
    0x03, 0x02, 0x00, 0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x02, 0x05, 0x03, 0x01, 0x00, 0x01,
    0x06, 0x06, 0x01, 0x7e, 0x01, 0x42, 0x05, 0x0b, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x02,
    0x09, 0x08, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x02, 0x01, 0x01, 0x0a, 0x1f, 0x02, 0x0e, 0x00,
    0x10, 0x00, 0x23, 0x00, 0x41, 0x08, 0x29, 0x03, 0x00, 0x7c, 0x24, 0x00, 0x0b, 0x0e, 0x00,
    0x41, 0x01, 0x11, 0x00, 0x00, 0x41, 0x10, 0x23, 0x00, 0x37, 0x03, 0x00, 0x0b};

/* Recorded from inside the call. */
static const struct code_piece *piece;
static unsigned looks, both, aliases, addresses;
static paddr_t frame; /* of the page under test */

/* No mapping of the kernel is writable and executable, and the code's
 * frame has no writable mapping. */
static void judge(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)ctx, (void)va;
    both += (m->prot & PROT_W) != 0 && (m->prot & PROT_X) != 0;
    aliases += (m->prot & PROT_W) != 0 && frame.raw - m->base.raw < size;
}

/* True if the word lies in a region where the kernel maps something. */
static bool is_address(uint64_t value)
{
    static const enum hal_region regions[] = {HAL_REGION_DIRECT, HAL_REGION_VM, HAL_REGION_PROGRAM,
                                              HAL_REGION_IMAGE, HAL_REGION_CODE};
    for (unsigned n = 0; n < ARRAY_COUNT(regions); n++) {
        const struct hal_region_range *r = &hal_layout.region[regions[n]];
        struct hal_mapping m;
        if (value - r->base < r->size && hal_mmu_query(value, &m)) {
            return true;
        }
    }
    return false;
}

static void look_for_addresses(const uint8_t *code, uint32_t size)
{
    for (uint32_t at = 0; at + sizeof(uint64_t) <= size; at++) {
        uint64_t value;
        memcpy(&value, code + at, sizeof value);
        addresses += is_address(value);
    }
}

static enum wasm_outcome look(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                              enum ir_trap *trap)
{
    (void)h, (void)args, (void)results, (void)trap;
    const struct code_function *last = &piece->functions[piece->function_count - 1];
    looks++;
    for (uint64_t at = 0; at < piece->block.size; at += PAGE_SIZE) {
        struct hal_mapping m = {.prot = 0};
        TEST_CHECK(hal_mmu_query(piece->block.address + at, &m));
        TEST_EQUAL(m.prot, PROT_R | PROT_X);
        frame = m.base;
        hal_mmu_walk(judge, NULL);
    }
    look_for_addresses((const uint8_t *)(uintptr_t)piece->block.address, last->start + last->size);
    return WASM_RETURNED;
}

static void run_in(struct wasm_store *s)
{
    static const struct wasm_host_function function = {
        .name = "look", .signature = ":", .array = look};
    static const struct wasm_host_module host = {
        .name = "host", .functions = &function, .count = 1};
    static const struct wasm_bounds bounds = {.arena_bytes = (size_t)16 << 20,
                                              .table_elements = 16};
    struct wasm_module *module;
    struct wasm_code *code;
    struct wasm_instance *i;
    struct wasm_extern f;
    struct wasm_stop stop;
    struct wasm_error err;
    uint64_t none = 0;
    if (wasm_store_add_host(s, &host, NULL) != OK ||
        wasm_module_decode(program, sizeof program, &bounds, &module, &err) != OK ||
        wasm_load(s, module, &code, &err) != OK) {
        return;
    }
    piece = wasm_compiled_piece(code);
    if (wasm_instantiate(s, code, &i, &stop, &err) == OK &&
        wasm_instance_export(i, (struct wasm_bytes){(const uint8_t *)"f", 1}, &f)) {
        TEST_EQUAL(wasm_call(s, &f, &none, &none, &stop), WASM_RETURNED);
    }
    wasm_release(s, code);
}

static void run(void *arg)
{
    const struct wasm_quota quota = {.pages = 16, .elements = 16};
    struct wasm_store *s;
    (void)arg;
    if (wasm_store_open(&wasm_compiled, &wasm_bed_options, &quota, &s) == OK) {
        run_in(s);
        wasm_store_close(s);
    }
}

static void code_that_runs_is_not_writable_and_has_no_address(void)
{
    looks = both = aliases = addresses = 0;
    TEST_CHECK(wasm_bed_run(run, NULL));
    TEST_EQUAL(looks, 1);
    TEST_EQUAL(both, 0);
    TEST_EQUAL(aliases, 0);
    TEST_EQUAL(addresses, 0);
    TEST_EQUAL(wasm_bed_pages(), 0);
}

/* Proves that the test above would find such mappings and addresses. */
static void writable_mappings_and_addresses_are_found(void)
{
    struct hal_mapping m;
    TEST_CHECK(is_address((uintptr_t)&looks) && is_address((uintptr_t)look));
    TEST_CHECK(!is_address(UINT64_MAX) && !is_address(0));
    TEST_CHECK(hal_mmu_query((uintptr_t)&looks, &m));
    frame = m.base;
    aliases = 0;
    hal_mmu_walk(judge, NULL);
    TEST_CHECK(aliases > 0);
}

const struct kernel_test compiled_tests[] = {
    {"compiled.code_that_runs_is_not_writable_and_has_no_address",
     code_that_runs_is_not_writable_and_has_no_address, TEST_ON_CPUS},
    {"compiled.writable_mappings_and_addresses_are_found",
     writable_mappings_and_addresses_are_found, TEST_ON_CPUS},
    {0},
};
