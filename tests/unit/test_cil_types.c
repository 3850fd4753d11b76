// SPDX-License-Identifier: MIT
//
// Types of .NET assemblies: signatures of every kind, layouts, and hostile files: types that
// contain themselves, endless generic expansion, references laid over integers, missing types.
#include "kernel/cil/front/member.h"
#include "kernel/mm/heap.h"
#include "tests/unit/cil/core.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)16 << 20)
#define STRUCT      0x108u /* flags: sealed, sequential */
#define EXPLICIT    0x110u

static struct make_image make;
static struct cil_domain *domain;
static struct cil_assembly *assembly;

static uint64_t objects_before;

static uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

static int start(void **state)
{
    (void)state;
    objects_before = live_objects();
    make_core(&make);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    cil_domain_free(domain);
    domain = NULL;
    make_free(&make);
    return live_objects() == objects_before ? 0 : -1; /* refusals leave nothing behind */
}

static void add(void)
{
    domain = cil_domain_new(ARENA_LIMIT, NULL);
    assembly = cil_assembly_add(domain, "m.dll", make_file(&make));
    if (assembly == NULL) {
        fail_msg("%s", domain->err.text);
    }
}

static void expect_failure(enum status status, const char *words)
{
    assert_int_equal(domain->status, status);
    if (strstr(domain->err.text, words) == NULL) {
        fail_msg("%s", domain->err.text);
    }
}

/* Linking the image fails with these words. */
static void refuse(enum status status, const char *words)
{
    domain = cil_domain_new(ARENA_LIMIT, NULL);
    assembly = cil_assembly_add(domain, "m.dll", make_file(&make));
    assert_true(assembly == NULL || !cil_assembly_link(assembly));
    expect_failure(status, words);
}

static struct cil_bytes bytes(const char *s, uint32_t len)
{
    return (struct cil_bytes){(const uint8_t *)s, len};
}

/* T: a class, row CORE_END; S: a struct of an int, CORE_END + 1; G: a class with two parameters. */
static void add_classes(void)
{
    make_class(&make, "T", 1, CORE_OBJECT);
    make_class(&make, "S", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "i", "\x08", 1);
    uint32_t g = make_class(&make, "G`2", 1, CORE_OBJECT);
    for (uint32_t n = 0; n < 2; n++) {
        MAKE_ROW(&make, CIL_GENERIC_PARAM, n, 0, g << 1, make_string(&make, "X"));
    }
}

/* The encoded tokens: T is 20 << 2, S is 21 << 2, G is 22 << 2. */
#define T "\x50"
#define S "\x54"
#define G "\x58"

static void test_signatures_of_types(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t len;
        const char *text;
    } cases[] = {
        {"\x08", 1, "System.Int32"},
        {"\x0e", 1, "System.String"},
        {"\x1c", 1, "System.Object"},
        {"\x12" T, 2, "T"},
        {"\x11" S, 2, "S"},
        {"\x1d\x1d\x11" S, 4, "S[][]"},
        {"\x14\x08\x03\x00\x00", 5, "System.Int32[,,]"},
        {"\x14\x08\x02\x02\x05\x06\x02\x00\x00", 9, "System.Int32[,]"},
        {"\x0f\x01", 2, "System.Void*"},
        {"\x10\x12" T, 3, "T&"},
        {"\x15\x12" G "\x02\x08\x1d\x12" T, 8, "G`2<System.Int32,T[]>"},
        {"\x15\x12" G "\x02\x13\x01\x1e\x00", 8, "G`2<!1,!!0>"},
        {"\x1f" T "\x08", 3, "System.Int32"},
        {"\x1b\x00\x01\x01\x08", 5, "method System.Void *(System.Int32)"},
    };
    add_classes();
    add();
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        char text[100];
        struct cil_type *t = cil_decode_spec(assembly, bytes(cases[n].bytes, cases[n].len), 1);
        if (t == NULL) {
            fail_msg("%s: %s", cases[n].text, domain->err.text);
        }
        cil_type_text(text, sizeof text, t);
        assert_string_equal(text, cases[n].text);
        assert_ptr_equal(t, cil_decode_spec(assembly, bytes(cases[n].bytes, cases[n].len), 1));
        for (uint32_t len = 0; len < cases[n].len; len++) { /* every shorter one is refused */
            assert_null(cil_decode_spec(assembly, bytes(cases[n].bytes, len), 1));
            expect_failure(E_CORRUPT, "m.dll: token 0x00000001: signature: ");
            cil_domain_forgive(domain);
        }
    }
}

static void test_wrong_signatures_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t len;
        const char *words;
    } cases[] = {
        {"\x00", 1, "unknown type 0x0"},
        {"\x17", 1, "unknown type 0x17"},
        {"\x45\x08", 2, "pinned"},
        {"\x08\x08", 2, "bytes after its end"},
        {"\x10\x10\x08", 3, "managed pointer inside of a type"},
        {"\x1d\x10\x08", 3, "managed pointer inside of a type"},
        {"\x1d\x01", 2, "void in place of a type"},
        {"\x12\x7c", 2, "token of a type that does not exist"},
        {"\x12\x53", 2, "no token of a type"},
        {"\x12" G, 2, "without its 2 type arguments"},
        {"\x15\x12" T "\x01\x08", 5, "has 0 type parameters and 1 arguments"},
        {"\x15\x12" G "\x01\x08", 5, "has 2 type parameters and 1 arguments"},
        {"\x15\x08" G "\x01\x08", 5, "neither a class nor a value type"},
        {"\x14\x08\x00\x00\x00", 5, "wrong rank"},
        {"\x14\x08\x21\x00\x00", 5, "wrong rank"},
        {"\x14\x08\x01\x00\x01", 5, "lower bound that is cut off"},
        {"\x1b\x00\xc0\x10\x00\x00\x01", 7, "more elements than bytes"},
    };
    char deep[200];
    add_classes();
    add();
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        assert_null(cil_decode_spec(assembly, bytes(cases[n].bytes, cases[n].len), 1));
        expect_failure(E_CORRUPT, cases[n].words);
        cil_domain_forgive(domain);
    }
    memset(deep, CIL_SZARRAY, sizeof deep);
    deep[sizeof deep - 1] = CIL_I4;
    assert_null(cil_decode_spec(assembly, bytes(deep, sizeof deep), 1));
    expect_failure(E_CORRUPT, "nested too deeply");
}

static void test_signatures_of_methods(void **state)
{
    (void)state;
    add_classes();
    add();
    const struct cil_signature *s =
        cil_decode_method(assembly, bytes("\x30\x01\x02\x1e\x00\x10\x08\x0e", 8), 1);
    assert_non_null(s);
    assert_int_equal(s->generic_count, 1);
    assert_int_equal(s->param_count, 2);
    assert_int_equal(s->convention & CIL_HAS_THIS, CIL_HAS_THIS);
    assert_int_equal(s->params[0]->kind, CIL_BYREF);
    s = cil_decode_method(assembly, bytes("\x05\x02\x01\x0e\x41\x08", 6), 1);
    assert_non_null(s); /* a call with variable arguments: one is required */
    assert_int_equal(s->required, 1);
    assert_null(cil_decode_method(assembly, bytes("\x00\x02\x01\x0e\x41\x08", 6), 1));
    expect_failure(E_CORRUPT, "sentinel");
    cil_domain_forgive(domain);
    assert_null(cil_decode_method(assembly, bytes("\x06\x08", 2), 1));
    expect_failure(E_CORRUPT, "no method");
    cil_domain_forgive(domain);
    s = cil_decode_list(assembly, bytes("\x07\x02\x45\x08\x10\x08", 6), 1, CIL_CONVENTION_LOCALS);
    assert_non_null(s);
    assert_int_equal(s->param_count, 2);
}

static void test_substitution(void **state)
{
    (void)state;
    char text[100];
    add_classes();
    add();
    struct cil_type *open =
        cil_decode_spec(assembly, bytes("\x15\x12" G "\x02\x13\x01\x1d\x13\x00", 9), 1);
    struct cil_type *owner = cil_decode_spec(assembly, bytes("\x15\x12" G "\x02\x08\x0e", 6), 1);
    assert_true(open->is_open);
    struct cil_type *t = cil_substitute(domain, open, owner, NULL, 0);
    cil_type_text(text, sizeof text, t);
    assert_string_equal(text, "G`2<System.String,System.Int32[]>");
    assert_false(t->is_open);
    assert_null(cil_substitute(domain, cil_type_variable(domain, CIL_VAR, 2), owner, NULL, 0));
    expect_failure(E_CORRUPT, "type parameter 2 of 2");
}

static const struct cil_layout *layout_of(uint32_t row)
{
    struct cil_type *t = cil_resolve_type(assembly, CIL_TOKEN(CIL_TYPE_DEF, row));
    const struct cil_layout *l = t == NULL ? NULL : cil_type_layout(domain, t);
    if (l == NULL) {
        fail_msg("%s", domain->err.text);
    }
    return l;
}

static void test_layout_of_a_struct_of_32_bytes(void **state)
{
    (void)state;
    uint32_t inner = make_class(&make, "Bar", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "address", "\x0b", 1);
    make_field(&make, "size", "\x0b", 1);
    make_field(&make, "flags", "\x05", 1);
    make_field(&make, "mapped", "\x0b", 1);
    uint32_t outer = make_class(&make, "Device", 1, CORE_OBJECT);
    make_field(&make, "id", "\x08", 1);
    make_field(&make, "bar", "\x11\x50", 2);
    make_field(&make, "name", "\x0e", 1);
    add();
    assert_true(cil_assembly_link(assembly));
    assert_int_equal(layout_of(inner)->size, 32);
    const struct cil_layout *l = layout_of(outer);
    assert_int_equal(l->size, 8 + 32 + 8 + 8);
    assert_int_equal(l->offsets[1], 8);
    assert_int_equal(l->ref_count, 1);
    assert_int_equal(l->refs[0], l->offsets[2]);
}

static void test_a_struct_that_contains_itself_is_refused(void **state)
{
    (void)state;
    make_class(&make, "A", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "b", "\x11\x54", 2);
    make_class(&make, "B", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "a", "\x11\x50", 2);
    refuse(E_CORRUPT, "layout of A: it contains itself");
}

/* struct L<X> { L<L<X>> next; } and a field of L<int>. */
static void test_endless_generic_expansion_is_refused(void **state)
{
    (void)state;
    uint32_t l = make_class(&make, "L`1", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "next", "\x15\x11\x50\x01\x15\x11\x50\x01\x13\x00", 10);
    MAKE_ROW(&make, CIL_GENERIC_PARAM, 0, 0, l << 1, make_string(&make, "X"));
    make_class(&make, "Use", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "first", "\x15\x11\x50\x01\x08", 5);
    refuse(E_OVERFLOW, "nested");
}

static void test_a_deep_chain_of_structs_is_refused(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 40; n++) {
        char name[10] = {'A', (char)('a' + n % 26), (char)('a' + n / 26)};
        make_class(&make, name, 1, n == 0 ? CORE_OBJECT : CORE_END + n - 1);
    }
    add();
    assert_true(cil_assembly_link(assembly)); /* a few dozen ancestors are allowed */
    cil_domain_free(domain);
    make.tables[CIL_TYPE_DEF].cells[CORE_END - 1][CIL_TYPE_DEF_EXTENDS] = (CORE_END + 39) << 2;
    refuse(E_CORRUPT, "its own ancestor");
}

static void test_large_types_are_refused(void **state)
{
    (void)state;
    uint32_t row = make_class(&make, "Huge", STRUCT, CORE_VALUE_TYPE);
    make_field(&make, "i", "\x08", 1);
    MAKE_ROW(&make, CIL_CLASS_LAYOUT, 0, 0x80000000, row);
    refuse(E_OVERFLOW, "layout of Huge: larger than 1 MiB");
    cil_domain_free(domain);
    make.tables[CIL_CLASS_LAYOUT].cells[0][CIL_CLASS_LAYOUT_CLASS_SIZE] = 0;
    make.tables[CIL_CLASS_LAYOUT].cells[0][CIL_CLASS_LAYOUT_PACKING_SIZE] = 3;
    refuse(E_CORRUPT, "layout of Huge: the packing size is no power of 2");
}

static void test_references_laid_over_integers_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second; /* of a reference and an int */
        enum status status;
        const char *words;
    } cases[] = {
        {0, 0, E_CORRUPT, "a reference overlaps the field i"},
        {0, 7, E_CORRUPT, "a reference overlaps the field i"},
        {4, 0, E_CORRUPT, "a reference is not aligned"},
        {0, 0x7fffffff, E_OVERFLOW, "larger than 1 MiB"},
    };
    make_class(&make, "U", EXPLICIT, CORE_VALUE_TYPE);
    uint32_t object = make_field(&make, "o", "\x1c", 1);
    uint32_t integer = make_field(&make, "i", "\x08", 1);
    MAKE_ROW(&make, CIL_FIELD_LAYOUT, 0, object);
    MAKE_ROW(&make, CIL_FIELD_LAYOUT, 0, integer);
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        make.tables[CIL_FIELD_LAYOUT].cells[0][0] = cases[n].first;
        make.tables[CIL_FIELD_LAYOUT].cells[1][0] = cases[n].second;
        refuse(cases[n].status, cases[n].words);
        cil_domain_free(domain);
    }
    make.tables[CIL_FIELD_LAYOUT].count = 1;
    refuse(E_CORRUPT, "no offset of the field i");
}

static void test_missing_types_are_named(void **state)
{
    (void)state;
    MAKE_ROW(&make, CIL_ASSEMBLY_REF, 1, 0, 0, 0, 0, 0, make_string(&make, "m"), 0, 0);
    MAKE_ROW(&make, CIL_TYPE_REF, 1 << 2 | 2, make_string(&make, "Missing"),
             make_string(&make, "N"));
    refuse(E_UNRESOLVED, "m.dll: token 0x01000001: type [m]N.Missing is not there");
    cil_domain_free(domain);
    make.tables[CIL_ASSEMBLY_REF].cells[0][CIL_ASSEMBLY_REF_MINOR] = 1;
    refuse(E_UNRESOLVED, "assembly m has version 1.0.0.0, older than 1.1.0.0");
    cil_domain_free(domain);
    make.tables[CIL_ASSEMBLY_REF].cells[0][CIL_ASSEMBLY_REF_NAME] = make_string(&make, "other");
    refuse(E_UNRESOLVED, "m.dll: token 0x23000001: assembly other is not there");
}

static void test_forwarding_in_a_circle_is_refused(void **state)
{
    (void)state;
    MAKE_ROW(&make, CIL_ASSEMBLY_REF, 1, 0, 0, 0, 0, 0, make_string(&make, "m"), 0, 0);
    uint32_t name = make_string(&make, "F");
    MAKE_ROW(&make, CIL_EXPORTED_TYPE, 0x200000, 0, name, 0, 1 << 2 | 1);
    MAKE_ROW(&make, CIL_TYPE_REF, 1 << 2 | 2, name, 0);
    refuse(E_LOOP, "type .F is forwarded more than 16 times");
}

static void test_members_belong_to_one_class(void **state)
{
    (void)state;
    make_class(&make, "A", 1, CORE_OBJECT);
    make_field(&make, "x", "\x08", 1);
    make.is_uncompressed = true;
    MAKE_ROW(&make, CIL_FIELD_PTR, 1);
    MAKE_ROW(&make, CIL_FIELD_PTR, 1);
    refuse(E_CORRUPT, "two types claim it");
    cil_domain_free(domain);
    make.tables[CIL_FIELD_PTR].count = 0;
    make_class(&make, "A", 1, CORE_OBJECT);
    refuse(E_CORRUPT, "type .A is defined twice");
    cil_domain_free(domain);
    make.tables[CIL_TYPE_DEF].count--;
    MAKE_ROW(&make, CIL_NESTED_CLASS, CORE_END, CORE_END);
    refuse(E_CORRUPT, "type A is nested in a circle");
}

#define OTHERS 80u

/* Each interface has the next one twice: a million paths lead to the last. Most others are known
 * not to be among them without a search; of a few that is not known. */
static void test_the_search_of_interfaces_is_bounded(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 20; n++) {
        char name[3] = {'I', (char)('a' + n)};
        make_class(&make, name, 0xa1, 0);
        for (unsigned twice = 0; n < 20 && twice < 2; twice++) {
            MAKE_ROW(&make, CIL_INTERFACE_IMPL, CORE_END + n, (CORE_END + n + 1) << 2);
        }
    }
    for (uint32_t n = 0; n < OTHERS; n++) {
        char name[4] = {'O', (char)('a' + n / 10), (char)('a' + n % 10)};
        make_class(&make, name, 0xa1, 0);
    }
    add();
    assert_true(cil_assembly_link(assembly));
    struct cil_type *first = cil_resolve_type(assembly, CIL_TOKEN(CIL_TYPE_DEF, CORE_END));
    struct cil_type *last = cil_resolve_type(assembly, CIL_TOKEN(CIL_TYPE_DEF, CORE_END + 20));
    assert_true(cil_is_subtype(domain, first, last));
    assert_false(cil_is_subtype(domain, last, first));
    uint32_t known = 0;
    while (domain->status == OK && known < OTHERS) {
        uint32_t token = CIL_TOKEN(CIL_TYPE_DEF, CORE_END + 21 + known);
        assert_false(cil_is_subtype(domain, first, cil_resolve_type(assembly, token)));
        known++;
    }
    assert_in_range(known, 2, OTHERS - 1);
    expect_failure(E_OVERFLOW, "too many interfaces of interfaces");
}

static void test_memory_is_limited(void **state)
{
    (void)state;
    add_classes();
    domain = cil_domain_new(6000, NULL);
    assert_null(cil_assembly_add(domain, "m.dll", make_file(&make)));
    expect_failure(E_OVERFLOW, "no memory left");
}

/* Flip every bit of a file and link it. */
static void test_flipped_bits_do_no_harm(void **state)
{
    (void)state;
    add_classes();
    make_class(&make, "D", 1, CORE_END);
    make_field(&make, "g", "\x15\x12" G "\x02\x08\x0e", 6);
    MAKE_ROW(&make, CIL_TYPE_SPEC, make_blob(&make, "\x15\x12" G "\x02\x08\x0e", 6));
    struct cil_bytes file = make_file(&make);
    for (uint32_t n = 0x400; n < file.len; n++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            make.file.at[n] ^= (uint8_t)(1 << bit);
            domain = cil_domain_new(ARENA_LIMIT, NULL);
            assembly = cil_assembly_add(domain, "m.dll", file);
            if (assembly == NULL || !cil_assembly_link(assembly)) {
                assert_int_not_equal(domain->status, OK);
                assert_int_not_equal(domain->err.text[0], '\0');
            }
            cil_domain_free(domain);
            make.file.at[n] ^= (uint8_t)(1 << bit);
        }
    }
    domain = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_signatures_of_types),
        TEST(test_wrong_signatures_are_refused),
        TEST(test_signatures_of_methods),
        TEST(test_substitution),
        TEST(test_layout_of_a_struct_of_32_bytes),
        TEST(test_a_struct_that_contains_itself_is_refused),
        TEST(test_endless_generic_expansion_is_refused),
        TEST(test_a_deep_chain_of_structs_is_refused),
        TEST(test_large_types_are_refused),
        TEST(test_references_laid_over_integers_are_refused),
        TEST(test_missing_types_are_named),
        TEST(test_forwarding_in_a_circle_is_refused),
        TEST(test_members_belong_to_one_class),
        TEST(test_the_search_of_interfaces_is_bounded),
        TEST(test_memory_is_limited),
        TEST(test_flipped_bits_do_no_harm),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
