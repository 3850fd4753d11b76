// SPDX-License-Identifier: MIT
//
// Files of .NET assemblies: PE32 and PE32+, all widths of indices, both forms of the stream of
// tables, and the reason why a file is refused.
#include "kernel/cil/front/bytes.h"
#include "tests/unit/cil/image_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct make_image make;
static struct cil_image image;

static int start(void **state)
{
    (void)state;
    make_start(&make);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    make_free(&make);
    return 0;
}

static void load(void)
{
    struct cil_error err;
    if (cil_image_load("m.dll", make_file(&make), &image, &err) != OK) {
        fail_msg("%s", err.text);
    }
}

/* Expect a refusal whose reason contains these words. */
static void refuse(enum status status, uint32_t token, const char *words)
{
    struct cil_error err;
    assert_int_equal(cil_image_load("m.dll", make_file(&make), &image, &err), status);
    if (strstr(err.text, words) == NULL || strncmp(err.text, "m.dll: ", 7) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(err.token, token);
}

/* A type N.T with two fields, and one method with one parameter. */
static void add_type(void)
{
    uint32_t signature = make_blob(&make, "\6\10", 2);
    MAKE_ROW(&make, CIL_TYPE_DEF, 1, make_string(&make, "T"), make_string(&make, "N"), 0, 1, 1);
    MAKE_ROW(&make, CIL_FIELD, 6, make_string(&make, "first"), signature);
    MAKE_ROW(&make, CIL_FIELD, 6, make_string(&make, "second"), signature);
    uint32_t rva = make_code(&make, "\6\52", 2); /* a tiny body: ret */
    MAKE_ROW(&make, CIL_METHOD_DEF, rva, 0, 0x96, make_string(&make, "Main"),
             make_blob(&make, "\0\1\1\10", 4), 1);
    MAKE_ROW(&make, CIL_PARAM, 0, 1, make_string(&make, "x"));
    make.entry_point = CIL_TOKEN(CIL_METHOD_DEF, 1);
}

static void check_type(void)
{
    assert_string_equal(cil_cell_string(&image, CIL_TYPE_DEF, 2, CIL_TYPE_DEF_NAME), "T");
    assert_string_equal(cil_cell_string(&image, CIL_TYPE_DEF, 2, CIL_TYPE_DEF_NAMESPACE), "N");
    struct cil_run fields = cil_cell_run(&image, CIL_TYPE_DEF, 2, CIL_TYPE_DEF_FIELDS);
    assert_int_equal(fields.first, 1);
    assert_int_equal(fields.end, image.tables[CIL_FIELD].count + 1);
    assert_string_equal(cil_cell_string(&image, CIL_FIELD, 2, CIL_FIELD_NAME), "second");
    struct cil_bytes signature = cil_cell_blob(&image, CIL_METHOD_DEF, 1, CIL_METHOD_DEF_SIGNATURE);
    assert_int_equal(signature.len, 4);
    assert_memory_equal(signature.at, "\0\1\1\10", 4);
    struct cil_run none = cil_cell_run(&image, CIL_TYPE_DEF, 1, CIL_TYPE_DEF_METHODS);
    assert_int_equal(none.first, none.end);
    assert_true(cil_token_exists(&image, image.entry_point));
    struct cil_bytes code;
    assert_true(cil_rva(&image, cil_cell(&image, CIL_METHOD_DEF, 1, CIL_METHOD_DEF_RVA), &code));
    assert_int_equal(code.at[1], 0x2a);
}

static void test_pe32_and_pe32_plus_are_read(void **state)
{
    (void)state;
    add_type();
    for (int n = 0; n < 4; n++) {
        make.is_pe32_plus = n % 2 != 0;
        make.has_extra_data = n >= 2;
        load();
        assert_int_equal(image.is_pe32_plus, n % 2 != 0);
        assert_string_equal(image.version, "v4.0.30319");
        check_type();
    }
}

static void test_heaps_may_need_wide_indices(void **state)
{
    (void)state;
    make.has_large_heaps = true;
    char large[70000];
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\0';
    make_string(&make, large);
    make_blob(&make, large, sizeof large); /* a length of four bytes */
    make_blob(&make, large, 300);          /* of two */
    add_type();
    load();
    check_type();
    assert_int_equal(image.tables[CIL_FIELD].row_bytes, 2 + 4 + 4);
}

static void test_large_tables_make_indices_wide(void **state)
{
    (void)state;
    add_type();
    make.tables[CIL_PARAM].zero_rows = 16382; /* one below the limit of HasConstant, 2^14 */
    load();
    assert_int_equal(image.tables[CIL_CONSTANT].width[CIL_CONSTANT_PARENT], 2);
    assert_int_equal(image.tables[CIL_CUSTOM_ATTRIBUTE].width[CIL_CUSTOM_ATTRIBUTE_PARENT], 4);
    assert_int_equal(image.tables[CIL_METHOD_DEF].width[CIL_METHOD_DEF_PARAMS], 2);
    make.tables[CIL_PARAM].zero_rows = 16383;
    load();
    assert_int_equal(image.tables[CIL_CONSTANT].width[CIL_CONSTANT_PARENT], 4);
    make.tables[CIL_PARAM].zero_rows = 0;
    make.tables[CIL_FIELD].zero_rows = 65534;
    load();
    assert_int_equal(image.tables[CIL_TYPE_DEF].width[CIL_TYPE_DEF_FIELDS], 4);
    check_type();
}

static void test_pointer_tables_reorder_members(void **state)
{
    (void)state;
    add_type();
    MAKE_ROW(&make, CIL_FIELD_PTR, 2);
    MAKE_ROW(&make, CIL_FIELD_PTR, 1);
    refuse(E_CORRUPT, CIL_TOKEN(CIL_FIELD_PTR, 1), "table FieldPtr in a stream #~");
    make.is_uncompressed = true;
    load();
    struct cil_run fields = cil_cell_run(&image, CIL_TYPE_DEF, 2, CIL_TYPE_DEF_FIELDS);
    assert_int_equal(fields.end - fields.first, 2);
    assert_int_equal(cil_run_row(&image, CIL_FIELD, fields.first), 2);
    assert_int_equal(cil_run_row(&image, CIL_FIELD, fields.first + 1), 1);
}

static void test_sorted_tables_are_searched(void **state)
{
    (void)state;
    add_type();
    for (uint32_t n = 1; n <= 2; n++) {
        MAKE_ROW(&make, CIL_TYPE_REF, 0, make_string(&make, "I"), 0);
        MAKE_ROW(&make, CIL_INTERFACE_IMPL, 2,
                 cil_coded(CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_INTERFACE,
                           CIL_TOKEN(CIL_TYPE_REF, n)));
    }
    load();
    struct cil_run found = cil_find_rows(&image, CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_CLASS, 2);
    assert_int_equal(found.first, 1);
    assert_int_equal(found.end, 3);
    assert_int_equal(cil_cell_token(&image, CIL_INTERFACE_IMPL, 2, CIL_INTERFACE_IMPL_INTERFACE),
                     CIL_TOKEN(CIL_TYPE_REF, 2));
    found = cil_find_rows(&image, CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_CLASS, 1);
    assert_int_equal(found.first, found.end);
    make.tables[CIL_INTERFACE_IMPL].cells[1][0] = 1;
    refuse(E_CORRUPT, CIL_TOKEN(CIL_INTERFACE_IMPL, 2),
           "table InterfaceImpl, row 2, Class: the table is not sorted by it at 0x1");
}

static void test_wrong_cells_are_named(void **state)
{
    (void)state;
    add_type();
    static const struct {
        uint32_t row, column, value, name;
        const char *words;
    } cases[] = {
        {1, CIL_METHOD_DEF_NAME, 0xfff0, CIL_METHOD_DEF, "Name: no string at 0xfff0"},
        {1, CIL_METHOD_DEF_SIGNATURE, 0xfff0, CIL_METHOD_DEF, "Signature: no blob at 0xfff0"},
        {1, CIL_METHOD_DEF_PARAMS, 3, CIL_METHOD_DEF, "ParamList: no such row 0x3"},
        {1, CIL_METHOD_DEF_PARAMS, 0, CIL_METHOD_DEF, "ParamList: no such row 0x0"},
        {2, CIL_TYPE_DEF_EXTENDS, 3, CIL_TYPE_DEF, "Extends: unknown table in 0x3"},
        {2, CIL_TYPE_DEF_EXTENDS, 3 << 2, CIL_TYPE_DEF, "Extends: no such row 0x2000003"},
        {1, CIL_TYPE_DEF_FIELDS, 2, CIL_TYPE_DEF, "starts before that of the row above"},
        {1, CIL_MODULE_MVID, 2, CIL_MODULE, "Mvid: no GUID 0x2"},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint32_t *cell = &make.tables[cases[n].name].cells[cases[n].row - 1][cases[n].column];
        uint32_t row = strstr(cases[n].words, "above") != NULL ? 2 : cases[n].row, old = *cell;
        *cell = cases[n].value;
        refuse(E_CORRUPT, CIL_TOKEN(cases[n].name, row), cases[n].words);
        *cell = old;
    }
    load();
}

static void test_a_blob_may_not_reach_over_its_heap(void **state)
{
    (void)state;
    add_type();
    uint32_t at = make_blob(&make, "\1\2\3", 3);
    make.tables[CIL_FIELD].cells[0][CIL_FIELD_SIGNATURE] = at;
    load();
    make.blobs.at[at] = 4;
    refuse(E_CORRUPT, CIL_TOKEN(CIL_FIELD, 1), "table Field, row 1, Signature: no blob");
}

static void test_native_code_is_refused(void **state)
{
    (void)state;
    struct cil_error err;
    struct cil_bytes file = make_file(&make);
    uint8_t *flags = make.file.at + 0x400 + 16; /* no code: the CLI header comes first */
    *flags = 0;
    assert_int_equal(cil_image_load("mixed", file, &image, &err), E_NOTSUP);
    assert_non_null(strstr(err.text, "native code"));
    *flags = 0x11;
    assert_int_equal(cil_image_load("mixed", file, &image, &err), E_NOTSUP);
}

static void test_other_files_are_told_apart(void **state)
{
    (void)state;
    struct cil_error err;
    static uint8_t text[100] = "just text";
    assert_int_equal(cil_image_load("t", (struct cil_bytes){text, sizeof text}, &image, &err),
                     E_FORMAT);
    struct cil_bytes file = make_file(&make);
    memset(make.file.at + 0x58 + 96 + 14 * 8, 0, 8); /* no CLI header: a program for Windows */
    assert_int_equal(cil_image_load("native.exe", file, &image, &err), E_FORMAT);
    assert_string_equal(err.text, "native.exe: no .NET assembly: it has no CLI header");
}

static void test_names_in_messages_are_printable_and_short(void **state)
{
    (void)state;
    struct cil_error err;
    char name[1000];
    memset(name, '\033', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(cil_image_load(name, (struct cil_bytes){(const uint8_t *)"", 0}, &image, &err),
                     E_FORMAT);
    assert_null(strchr(err.text, '\033'));
    assert_non_null(strstr(err.text, "no PE file"));
}

/* The copy is exactly as long as the file: the sanitizer detects a byte read too many. */
static void load_copy(const uint8_t *bytes, uint32_t len)
{
    struct cil_error err;
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, bytes, len);
    if (cil_image_load("m.dll", (struct cil_bytes){copy, len}, &image, &err) != OK) {
        assert_int_not_equal(err.text[0], '\0');
    }
    free(copy);
}

static void test_cut_files_and_flipped_bits_do_no_harm(void **state)
{
    (void)state;
    add_type();
    make_user_string(&make, "hello");
    struct cil_bytes file = make_file(&make);
    for (uint32_t n = 0; n < file.len; n++) {
        load_copy(make.file.at, n);
        for (unsigned bit = 0; bit < 8; bit++) {
            make.file.at[n] ^= (uint8_t)(1 << bit);
            load_copy(make.file.at, file.len);
            make.file.at[n] ^= (uint8_t)(1 << bit);
        }
    }
}

static void test_user_strings_are_utf16(void **state)
{
    (void)state;
    uint32_t at = make_user_string(&make, "hi");
    struct cil_bytes text;
    load();
    assert_true(cil_user_string(&image, at, &text));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.at, "h\0i\0", 4);
    assert_false(cil_user_string(&image, 0, &text)); /* the empty entry has not even a last byte */
    assert_false(cil_user_string(&image, 1000, &text));
}

static void test_compressed_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t len, value;
        int32_t with_sign;
    } cases[] = {
        /* The standard's own examples: II.23.2. */
        {"\x7f", 1, 0x7f, -1},
        {"\x80\x80", 2, 0x80, 64},
        {"\xbf\xff", 2, 0x3fff, -1},
        {"\xc0\x00\x40\x00", 4, 0x4000, 8192},
        {"\xdf\xff\xff\xff", 4, 0x1fffffff, -1},
        {"\x06", 1, 0x06, 3},
        {"\x7b", 1, 0x7b, -3},
        {"\x01", 1, 0x01, -64},
        {"\x80\x01", 2, 0x01, -8192},
        {"\xc0\x00\x00\x01", 4, 0x01, -268435456},
        {"\xdf\xff\xff\xfe", 4, 0x1ffffffe, 268435455},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct cil_bytes b = {(const uint8_t *)cases[n].bytes, cases[n].len}, c = b, cut = b;
        uint32_t value;
        int32_t with_sign;
        assert_true(cil_compressed(&b, &value));
        assert_int_equal(value, cases[n].value);
        assert_int_equal(b.len, 0);
        assert_true(cil_compressed_signed(&c, &with_sign));
        assert_int_equal(with_sign, cases[n].with_sign);
        cut.len--;
        assert_false(cil_compressed(&cut, &value));
        assert_int_equal(cut.len, cases[n].len - 1);
    }
    struct cil_bytes wrong = {(const uint8_t *)"\xff\xff\xff\xff", 4};
    uint32_t value;
    assert_false(cil_compressed(&wrong, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pe32_and_pe32_plus_are_read, start, finish),
        cmocka_unit_test_setup_teardown(test_heaps_may_need_wide_indices, start, finish),
        cmocka_unit_test_setup_teardown(test_large_tables_make_indices_wide, start, finish),
        cmocka_unit_test_setup_teardown(test_pointer_tables_reorder_members, start, finish),
        cmocka_unit_test_setup_teardown(test_sorted_tables_are_searched, start, finish),
        cmocka_unit_test_setup_teardown(test_wrong_cells_are_named, start, finish),
        cmocka_unit_test_setup_teardown(test_a_blob_may_not_reach_over_its_heap, start, finish),
        cmocka_unit_test_setup_teardown(test_native_code_is_refused, start, finish),
        cmocka_unit_test_setup_teardown(test_other_files_are_told_apart, start, finish),
        cmocka_unit_test_setup_teardown(test_names_in_messages_are_printable_and_short, start,
                                        finish),
        cmocka_unit_test_setup_teardown(test_cut_files_and_flipped_bits_do_no_harm, start, finish),
        cmocka_unit_test_setup_teardown(test_user_strings_are_utf16, start, finish),
        cmocka_unit_test(test_compressed_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
