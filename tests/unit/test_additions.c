// SPDX-License-Identifier: MIT
//
// What modules add: all of it or nothing, names that exist, and the order in which it is tried.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/lib/format.h"
#include "kernel/module/additions.h"

static bool is_own(const char *name)
{
    return strcmp(name, "help") == 0;
}

/* ---- A format whose extension is loaded on demand ---- */

static bool recognise_x(const uint8_t *bytes, size_t len)
{
    return len != 0 && bytes[0] == 'x';
}

static const struct load_on_demand on_demand[] = {{"files of x", "x.ko", recognise_x},
                                                  {NULL, NULL, NULL}};

static int boot(void **state)
{
    int result = world_boot(state);
    static const struct bytecode_format *const none[] = {NULL};
    bytecode_init(none, on_demand);
    additions_init(is_own);
    return result;
}

static bool run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return true;
}

static enum status make(struct block_device *dev, struct fs **out)
{
    (void)dev;
    (void)out;
    return E_FORMAT;
}

static bool recognise_a(const void *bytes, size_t len)
{
    return len != 0 && *(const char *)bytes == 'a';
}

static bool recognise_all(const void *bytes, size_t len)
{
    (void)bytes;
    return len != 0;
}

/* ---- Formats whose programs are never started ---- */

static struct bytecode_program *create(void)
{
    return NULL;
}

static void release_or_stop(struct bytecode_program *p)
{
    (void)p;
}

static enum status load(struct bytecode_program *p)
{
    (void)p;
    return E_NOTSUP;
}

static struct bytecode_end run_program(struct bytecode_program *p)
{
    (void)p;
    return (struct bytecode_end){.outcome = BYTECODE_STOPPED};
}

static void describe(const struct bytecode_program *p, struct bytecode_info *out)
{
    (void)p;
    (void)out;
}

static bool describe_function(const struct bytecode_program *p, uint32_t n,
                              struct bytecode_function *out)
{
    (void)p;
    (void)n;
    (void)out;
    return false;
}

static enum status inspect(const struct inspection *i, const void *bytes, size_t len)
{
    (void)i;
    (void)bytes;
    (void)len;
    return E_NOTSUP;
}

#define FORMAT(label, function)                                                                    \
    {                                                                                              \
        .name = label, .recognise = function, .create = create, .release = release_or_stop,        \
        .load = load, .run = run_program, .stop = release_or_stop, .describe = describe,           \
        .describe_function = describe_function, .inspect = inspect                                 \
    }

static const struct bytecode_format format_own = FORMAT("own", recognise_a);
static const struct bytecode_format format_interpreted = {
    .name = "interpreted", .recognise = recognise_a, .interpreter = "t.ko"};
static const struct bytecode_format format_a = FORMAT("a", recognise_a);
static const struct bytecode_format format_all = FORMAT("all", recognise_all);

static enum status add(struct additions_registration *r, const struct additions *a, char *why,
                       size_t len)
{
    struct loader_error err = {.text = ""};
    r->added = a;
    enum status s = additions_add(r, "mine", &err);
    fmt_print(why, len, "%s", err.text);
    return s;
}

static void expect_refusal(const struct additions *a, enum status expected, const char *text)
{
    struct additions_registration r;
    char why[192];
    assert_int_equal(add(&r, a, why, sizeof(why)), expected);
    assert_string_equal(why, text);
}

static void expect_command_refused(struct shell_command c, enum status expected, const char *text)
{
    const struct shell_command list[] = {{"unheard", "", "", run}, c, {0}};
    expect_refusal(&(struct additions){.commands = list}, expected, text);
}

static void test_a_refused_module_adds_nothing(void **state)
{
    (void)state;
    expect_command_refused((struct shell_command){"help", "", "", run}, E_EXIST,
                           "mine: command help: exists already");
    expect_command_refused((struct shell_command){"unheard", "", "", run}, E_EXIST,
                           "mine: command unheard: exists already");
    expect_command_refused((struct shell_command){"a b", "", "", run}, E_CORRUPT,
                           "mine: command a b: not a valid name");
    expect_command_refused((struct shell_command){"a/b", "", "", run}, E_CORRUPT,
                           "mine: command a/b: not a valid name");
    expect_command_refused((struct shell_command){"", "", "", run}, E_CORRUPT,
                           "mine: command : not a valid name");
    expect_command_refused((struct shell_command){"a\033", "", "", run}, E_CORRUPT,
                           "mine: command a?: not a valid name");
    expect_command_refused((struct shell_command){"a", NULL, "", run}, E_CORRUPT,
                           "mine: command a: lacks a required field");
    expect_command_refused((struct shell_command){"a", "", "", NULL}, E_CORRUPT,
                           "mine: command a: lacks a required field");
    static const struct fs_format nameless = {.make = make};
    expect_refusal(
        &(struct additions){.file_systems = (const struct fs_format *const[]){&nameless, NULL}},
        E_CORRUPT, "mine: file system : not a valid name");
    static const struct bytecode_format empty = {.name = "empty"};
    expect_refusal(
        &(struct additions){.formats = (const struct bytecode_format *const[]){&empty, NULL}},
        E_CORRUPT, "mine: format empty: lacks a required field");
    assert_null(additions_command_at(0));
    assert_null(bytecode_recognise("x", 1));
}

static void test_modules_are_tried_in_order(void **state)
{
    (void)state;
    static const struct shell_command commands[] = {
        {"one", "", "", run}, {"two", "", "", run}, {0}};
    static const struct shell_command more[] = {{"three", "", "", run}, {0}};
    static const struct bytecode_format *const formats[] = {&format_a, NULL};
    static const struct bytecode_format *const more_formats[] = {&format_all, NULL};
    static const struct additions a = {.commands = commands, .formats = formats};
    static const struct additions b = {.commands = more, .formats = more_formats};
    static struct additions_registration ra, rb, rc;
    char why[192];
    assert_int_equal(add(&ra, &a, why, sizeof(why)), OK);
    assert_int_equal(add(&rb, &b, why, sizeof(why)), OK);
    assert_int_equal(add(&rc, &b, why, sizeof(why)), E_EXIST);
    assert_string_equal(additions_command_at(1)->name, "two");
    assert_string_equal(additions_command_at(2)->name, "three");
    assert_null(additions_command_at(3));
    assert_int_equal(additions_count(&a).commands, 2);
    assert_int_equal(additions_count(&b).formats, 1);
    assert_int_equal(additions_count(NULL).file_systems, 0);
    assert_ptr_equal(bytecode_recognise("a", 1), &format_a);
    assert_ptr_equal(bytecode_recognise("b", 1), &format_all);
    assert_null(bytecode_recognise("", 0));
}

/* A module cannot replace a format of the kernel. */
static void test_the_kernels_own_formats_come_first(void **state)
{
    (void)state;
    static const struct bytecode_format *const own[] = {&format_own, NULL};
    bytecode_init(own, on_demand);
    assert_ptr_equal(bytecode_recognise("a", 1), &format_own);
    assert_ptr_equal(bytecode_recognise("b", 1), &format_all);
}

static enum status load_none(const char *extension, struct loader_error *err)
{
    fmt_print(err->text, sizeof(err->text), "%s, which is missing", extension);
    return E_NOENT;
}

/* The extension is loaded only for a file that nothing recognises. */
static void test_the_extension_of_a_format_is_needed(void **state)
{
    (void)state;
    static const struct bytecode_format *const none[] = {NULL};
    static const struct bytecode_format *const own[] = {&format_own, NULL};
    struct loader_error err = {.text = "?"};
    bytecode_init(own, on_demand);
    assert_true(bytecode_find("f", "xa", 2, &err));
    assert_string_equal(err.text, "");
    bytecode_init(none, on_demand);
    assert_false(bytecode_find("f", "", 0, &err));
    assert_string_equal(err.text, "");
    bytecode_set_added(NULL, NULL); /* the tests above added some */
    bytecode_set_loader(load_none);
    assert_false(bytecode_find("f", "y", 1, &err));
    assert_string_equal(err.text, "");
    assert_false(bytecode_find("f", "x", 1, &err));
    assert_string_equal(err.text, "f: for files of x the kernel needs x.ko, which is missing");
}

static unsigned loaded;

static enum status load_any(const char *extension, struct loader_error *err)
{
    (void)extension;
    (void)err;
    loaded++;
    return OK;
}

static void test_the_extension_of_an_interpreter_is_needed(void **state)
{
    (void)state;
    static const struct bytecode_format *const with[] = {&format_interpreted, NULL};
    static const struct bytecode_format *const without[] = {&format_own, NULL};
    struct loader_error err = {.text = ""};
    bytecode_init(without, on_demand);
    bytecode_set_loader(load_none);
    assert_true(bytecode_find_interpreter("f", "a", 1, &err));
    bytecode_init(with, on_demand);
    bytecode_set_loader(NULL);
    assert_false(bytecode_find_interpreter("f", "a", 1, &err));
    assert_string_equal(err.text, "f: to interpret it, the kernel needs t.ko");
    bytecode_set_loader(load_none);
    assert_false(bytecode_find_interpreter("f", "a", 1, &err));
    assert_string_equal(err.text, "f: to interpret it, the kernel needs t.ko, which is missing");
    bytecode_set_loader(load_any);
    assert_true(bytecode_find_interpreter("f", "a", 1, &err));
    assert_int_equal(loaded, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_module_adds_nothing),
        cmocka_unit_test(test_modules_are_tried_in_order),
        cmocka_unit_test(test_the_kernels_own_formats_come_first),
        cmocka_unit_test(test_the_extension_of_a_format_is_needed),
        cmocka_unit_test(test_the_extension_of_an_interpreter_is_needed),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
