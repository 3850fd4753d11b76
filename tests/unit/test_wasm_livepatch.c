// SPDX-License-Identifier: MIT
//
// Replacing functions of programs: which modules agree, which entries can be overwritten, where a
// traced function reports, and which calls its events describe. tests/smoke/test_livepatch.py does
// it in the guest.
#include "kernel/livepatch/program_trace.h"
#include "kernel/wasm/livepatch/wasm_compare.h"
#include "kernel/wasm/livepatch/wasm_report_calls.h"
#include "tests/unit/jit/verify_by_hand.h"
#include "tests/unit/jit/wasm_bytes.h"

/* ---- Modules ---- */

static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 1000};

/** A module with two functions, a memory and data. Each part can be another. */
struct variant {
    uint8_t result, digit, pages, data;
    bool has_custom, has_more, lacks_data;
};

static const struct variant plain = {.result = 0x7f, .digit = 49, .pages = 1, .data = 'd'};

static void put_module(struct bytes *b, const struct variant *v)
{
    uint8_t constant = v->result == 0x7f ? 0x41 : 0x42; /* i32.const, i64.const */
    put_header(b);
    PUT_SECTION(b, 1, 2, 0x60, 0, 0, 0x60, 0, 1, v->result);
    if (v->has_custom) {
        PUT_SECTION(b, 0, 1, 'x', 1, 2, 3);
    }
    if (v->has_more) {
        PUT_SECTION(b, 3, 3, 0, 1, 0);
    } else {
        PUT_SECTION(b, 3, 2, 0, 1);
    }
    PUT_SECTION(b, 5, 1, 0, v->pages);
    if (v->has_more) {
        PUT_SECTION(b, 10, 3, 2, 0, 0x0b, 4, 0, constant, v->digit, 0x0b, 2, 0, 0x0b);
    } else {
        PUT_SECTION(b, 10, 2, 2, 0, 0x0b, 4, 0, constant, v->digit, 0x0b);
    }
    if (!v->lacks_data) {
        PUT_SECTION(b, 11, 1, 0, 0x41, 0, 0x0b, 1, v->data);
    }
}

static struct wasm_module *decode(struct bytes *b, const struct variant *v)
{
    struct wasm_module *m = NULL;
    struct wasm_error err = {.text = ""};
    put_module(b, v);
    if (wasm_module_decode(b->at, b->count, &bounds, &m, &err) != OK) {
        fail_msg("%s", err.text);
    }
    return m;
}

/* @param words  Of the refusal; NULL: the modules agree. */
static void compare_with_plain(const struct variant *v, const char *words)
{
    struct bytes a = {0}, b = {0};
    struct wasm_module *m = decode(&a, &plain), *fresh = decode(&b, v);
    struct loader_error err = {.text = ""};
    enum status s = wasm_compare(m, fresh, &err);
    if (words == NULL) {
        assert_int_equal(s, OK);
        assert_false(wasm_body_differs(m, fresh, 0));
        assert_int_equal(wasm_body_differs(m, fresh, 1), v->digit != plain.digit);
    } else if (s != E_NOTSUP || strstr(err.text, words) == NULL) {
        fail_msg("status %d, \"%s\", not \"%s\"", s, err.text, words);
    }
    wasm_module_free(m);
    wasm_module_free(fresh);
    free_bytes(&a);
    free_bytes(&b);
}

static void test_only_bodies_and_custom_sections_may_differ(void **state)
{
    (void)state;
    struct variant v = plain;
    compare_with_plain(&v, NULL);
    v.has_custom = true;
    compare_with_plain(&v, NULL);
    v.digit = 50;
    compare_with_plain(&v, NULL);
    v = (struct variant){.result = 0x7e, .digit = 49, .pages = 1, .data = 'd'};
    compare_with_plain(&v, "1: its signature is not the program's");
    v = plain;
    v.has_more = true;
    compare_with_plain(&v, "it has 3 functions, the program has 2");
    v = plain;
    v.pages = 2;
    compare_with_plain(&v, "its memory section");
    v = plain;
    v.data = 'e';
    compare_with_plain(&v, "its data section");
    v = plain;
    v.lacks_data = true;
    compare_with_plain(&v, "its data section");
}

/* ---- Entries ---- */

static bool is_free(const struct verify_machine *m, unsigned own, const char *text, uint32_t bytes)
{
    struct code code;
    read_code(text, m->unit, &code);
    struct code_function function = {.size = code.size};
    const uint32_t signature = own;
    const struct verify_shape shape = shape_of(&signature);
    const struct code_piece piece = {.block = {.address = (uintptr_t)code.bytes, .size = code.size},
                                     .rows = code.rows,
                                     .row_count = code.row_count,
                                     .functions = &function,
                                     .function_count = 1};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    bool found = verify_entry_is_free(m, &shape, &piece, 0, bytes, &arena);
    arena_free_all(&arena);
    return found;
}

static void test_no_branch_leads_to_bytes_that_are_replaced(void **state)
{
    (void)state;
    const struct verify_machine *x86 = &verify_x86_64, *arm = &verify_aarch64;
    /* mov eax, 0xc3c3c3c3; 1: test edi, edi; jz 1b; ret */
    assert_true(is_free(x86, UNARY, "b8 c3 c3 c3 c3 85 ff 74 fc c3", 5));
    /* 1: test edi, edi; jz 1b; ret: the start itself */
    assert_false(is_free(x86, UNARY, "85 ff 74 fc 31 c0 c3", 5));
    /* xor eax, eax; 1: test edi, edi; jz 1b; ret: between them */
    assert_false(is_free(x86, UNARY, "31 c0 85 ff 74 fc c3", 5));
    assert_true(is_free(x86, UNARY, "31 c0 85 ff 74 fc c3", 2));
    /* 1: cbz w0, 1b; ret; then with mov w1, w0 before it */
    assert_false(is_free(arm, UNARY, "34000000 d65f03c0", 4));
    assert_true(is_free(arm, UNARY, "2a0003e1 34000000 d65f03c0", 4));
    assert_false(is_free(arm, UNARY, "2a0003e1 34000000 d65f03c0", 8));
}

/* call rax; xor ecx, ecx; xor eax, eax; ret: it returns to the second of three instructions. */
static void test_no_call_returns_between_bytes_that_are_replaced(void **state)
{
    (void)state;
    const struct verify_machine *x86 = &verify_x86_64, *arm = &verify_aarch64;
    assert_false(is_free(x86, UNARY, "ff d0 31 c9 31 c0 c3", 5));
    assert_true(is_free(x86, UNARY, "ff d0 31 c9 31 c0 c3", 2));
    assert_true(is_free(x86, UNARY, "31 c9 90 ff d0 31 c0 c3", 5)); /* behind the last one */
    /* blr x1; ret */
    assert_false(is_free(arm, UNARY, "d63f0020 d65f03c0", 8));
    assert_true(is_free(arm, UNARY, "d63f0020 d65f03c0", 4));
}

/* ---- Where a traced function reports ---- */

static unsigned count_reports(const struct ir_function *f, uint32_t event)
{
    unsigned found = 0;
    for (uint32_t v = 0; v < f->instr_count; v++) {
        const struct ir_instr *i = &f->instrs[v];
        if (i->op == IR_CALL && i->a == WASM_HELPER_COMPILE) {
            const struct ir_instr *number = &f->instrs[f->pool[i->b]];
            assert_int_equal(number->op, IR_CONST);
            found += ir_const_bits(number) == event;
        }
    }
    return found;
}

/* Two returns: if the local is 0, the first one. */
static void test_a_traced_function_reports_each_begin_and_end(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_module *m = NULL;
    struct wasm_error err = {.text = ""};
    struct ir_function *f, *traced;
    struct arena arena;
    put_header(&b);
    PUT_SECTION(&b, 1, 1, 0x60, 1, 0x7f, 1, 0x7f);
    PUT_SECTION(&b, 3, 1, 0);
    PUT_SECTION(&b, 10, 1, 12, 0, 0x20, 0, 0x04, 0x40, 0x41, 1, 0x0f, 0x0b, 0x41, 2, 0x0b);
    assert_int_equal(wasm_module_decode(b.at, b.count, &bounds, &m, &err), OK);
    arena_init(&arena, 1 << 20);
    assert_int_equal(wasm_function_build(m, 0, &arena, &f, &err), OK);
    assert_int_equal(wasm_report_calls(f, 6, &arena, &traced), OK);
    assert_int_equal(count_reports(f, 6), 0);
    assert_int_equal(count_reports(traced, 6), 1);
    assert_int_equal(count_reports(traced, 7), 2);
    arena_free_all(&arena);
    wasm_module_free(m);
    free_bytes(&b);
}

/* ---- Events ---- */

static struct traced_calls calls;

/* Calls inside each other, with the stack frames that those of a program would have. */
__attribute__((noinline)) static void call(uint32_t event, unsigned depth, bool ends)
{
    (void)traced_event(&calls, event);
    if (depth > 0) {
        call(event, depth - 1, ends);
    }
    if (ends) {
        (void)traced_event(&calls, event + 1);
    }
    __asm__ volatile("" : : : "memory");
}

static void test_events_describe_calls_and_survive_abandoned_ones(void **state)
{
    (void)state;
    uint32_t a = traced_number(1, 10, "a"), b = traced_number(1, 11, "b");
    assert_int_equal(traced_number(1, 10, "a"), a);
    assert_int_not_equal(a, b);
    assert_int_equal(a % 2, 0);
    assert_string_equal(traced_name(traced_id(a)), "1:a");
    assert_string_equal(traced_name(traced_id(b)), "1:b");
    assert_null(traced_name(0));
    assert_null(traced_name((uintptr_t)&calls));
    traced_calls_init(&calls, 1);
    call(a, 3, true);
    assert_ptr_equal(calls.last, calls.calls);
    call(b, 3, false); /* as after an exception */
    assert_ptr_not_equal(calls.last, calls.calls);
    call(a, TRACED_DEPTH + 10, true); /* more than there is room for */
    (void)traced_event(&calls, UINT32_MAX);
    assert_null(traced_name(UINT32_MAX));
    assert_ptr_equal(calls.last, calls.calls);
}

static void test_numbers_of_events_end(void **state)
{
    (void)state;
    uint32_t n = 0;
    while (traced_number(2, n, "many") != UINT32_MAX) {
        n++;
        assert_in_range(n, 1, 10000);
    }
    assert_int_equal(traced_number(2, n + 1, "many"), UINT32_MAX);
    assert_int_not_equal(traced_number(2, 0, "many"), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_bodies_and_custom_sections_may_differ),
        cmocka_unit_test(test_no_branch_leads_to_bytes_that_are_replaced),
        cmocka_unit_test(test_no_call_returns_between_bytes_that_are_replaced),
        cmocka_unit_test(test_a_traced_function_reports_each_begin_and_end),
        cmocka_unit_test(test_events_describe_calls_and_survive_abandoned_ones),
        cmocka_unit_test(test_numbers_of_events_end),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
