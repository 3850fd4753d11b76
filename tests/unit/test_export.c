// SPDX-License-Identifier: MIT
//
// What an import's name requests and receives; and that the SDK and the kernel agree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HALYARD_NO_RED_ZONE   1
#define __code_model_kernel__ 1
#include "kernel/load/native/abi.h"
#include "kernel/jit/backend.h"
#include "kernel/lib/status.h"
#include "kernel/load/native/export.h"
#include "programs/sdk/halyard.h"

static int here;

/* The test's own tables, in place of the kernel's. */
const struct export hostcall_file_exports[] = {
    {"hy_write", 1, &here}, {"hy_paint", 3, &here}, {NULL, 0, NULL}};
const struct export hostcall_memory_exports[] = {{NULL, 0, NULL}};
const struct export hostcall_print_exports[] = {{NULL, 0, NULL}};
const struct export hostcall_thread_exports[] = {{NULL, 0, NULL}};
const struct export hostcall_terminal_exports[] = {{NULL, 0, NULL}};
const struct export hostcall_time_exports[] = {{"hy_last", 4294967295u, &here}, {NULL, 0, NULL}};
static const struct export for_drivers[] = {{"brake", 1, &here},
                                            {"drive", 2, &here},
                                            {"drive_on", 2, &here},
                                            {"memcpy", EXPORT_NO_VERSION, &here},
                                            {"stop", 1, &here}};

void *jit_runtime_memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    (void)src;
    (void)n;
    return dst;
}

void *jit_runtime_memmove(void *dst, const void *src, size_t n)
{
    return jit_runtime_memcpy(dst, src, n);
}

void *jit_runtime_memset(void *dst, int byte, size_t n)
{
    (void)byte;
    (void)n;
    return dst;
}

int jit_runtime_memcmp(const void *a, const void *b, size_t n)
{
    (void)n;
    return a != b;
}

static enum export_result find(const char *symbol, uint32_t *version)
{
    const struct export *found = NULL;
    enum export_result r = export_find(LOAD_PROGRAM, symbol, &found, version);
    assert_int_equal(r == EXPORT_ABSENT, found == NULL);
    return r;
}

static void test_versions_must_match(void **state)
{
    (void)state;
    uint32_t v;
    assert_int_equal(find("hy_write$1", &v), EXPORT_FOUND);
    assert_int_equal(v, 1);
    assert_int_equal(find("hy_write$2", &v), EXPORT_OTHER_VERSION);
    assert_int_equal(v, 2);
    assert_int_equal(find("hy_write", &v), EXPORT_OTHER_VERSION);
    assert_int_equal(v, EXPORT_NO_VERSION);
    assert_int_equal(find("hy_paint$3", &v), EXPORT_FOUND);
    assert_int_equal(find("hy_last$4294967295", &v), EXPORT_FOUND);
    assert_int_equal(find("memcpy", &v), EXPORT_FOUND);
    assert_int_equal(find("memcpy$1", &v), EXPORT_OTHER_VERSION);
}

static void test_unknown_names_are_absent(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "$",
                                        "$1",
                                        "hy",
                                        "hy_writer$1",
                                        "hy_write$",
                                        "hy_write$01",
                                        "hy_write$1x",
                                        "hy_write$-1",
                                        "hy_write$ 1",
                                        "hy_write$0",
                                        "hy_write$4294967297",
                                        "hy_write$1$",
                                        "hy_writ$1",
                                        "hy_write$99999999999999999999"};
    uint32_t v;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(find(names[i], &v), EXPORT_ABSENT);
    }
}

static void assert_driver_export(const char *symbol, enum export_result expected, int index)
{
    const struct export *found = NULL;
    uint32_t version;
    assert_int_equal(export_find(LOAD_DRIVER, symbol, &found, &version), expected);
    assert_ptr_equal(found, index < 0 ? NULL : &for_drivers[index]);
}

static void test_drivers_imports_are_found_by_binary_search(void **state)
{
    (void)state;
    static const char *const symbols[] = {"brake$1", "drive$2", "drive_on$2", "memcpy", "stop$1"};
    for (int i = 0; i < 5; i++) {
        assert_driver_export(symbols[i], EXPORT_FOUND, i);
    }
    assert_driver_export("drive$1", EXPORT_OTHER_VERSION, 1);
    assert_driver_export("memcpy$1", EXPORT_OTHER_VERSION, 3);
    static const char *const others[] = {"",         "$1",       "a$1",     "brak$1", "driv$2",
                                         "driver$2", "drive_$2", "stopp$1", "z",      "hy_write$1"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_driver_export(others[i], EXPORT_ABSENT, -1);
    }
}

static void test_sdk_and_kernel_agree(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct hy_stat), sizeof(struct abi_stat));
    assert_int_equal(offsetof(struct hy_stat, size), offsetof(struct abi_stat, size));
    assert_int_equal(offsetof(struct hy_stat, mtime_s), offsetof(struct abi_stat, mtime_s));
    assert_int_equal(offsetof(struct hy_stat, type), offsetof(struct abi_stat, type));
    assert_int_equal(offsetof(struct hy_stat, mode), offsetof(struct abi_stat, mode));
    assert_int_equal(sizeof(struct hy_dir_entry), sizeof(struct abi_dir_entry));
    assert_int_equal(offsetof(struct hy_dir_entry, type), offsetof(struct abi_dir_entry, type));
    assert_int_equal(offsetof(struct hy_dir_entry, name), offsetof(struct abi_dir_entry, name));
    assert_int_equal(sizeof(struct hy_terminal_size), sizeof(struct abi_terminal_size));
    assert_int_equal(offsetof(struct hy_terminal_size, rows),
                     offsetof(struct abi_terminal_size, rows));
    assert_int_equal(HY_TERMINAL_KEYS, ABI_TERMINAL_KEYS);
    assert_int_equal(HY_TERMINAL_RAW, ABI_TERMINAL_RAW);
    assert_int_equal(HY_E_NOTSUP, E_NOTSUP);
    assert_int_equal(HY_E_TIMEDOUT, E_TIMEDOUT);
    assert_int_equal(HY_READ, ABI_OPEN_READ);
    assert_int_equal(HY_WRITE, ABI_OPEN_WRITE);
    assert_int_equal(HY_CREATE, ABI_OPEN_CREATE);
    assert_int_equal(HY_TRUNCATE, ABI_OPEN_TRUNCATE);
    assert_int_equal(HY_EXCLUSIVE, ABI_OPEN_EXCLUSIVE);
    assert_int_equal(HY_APPEND, ABI_OPEN_APPEND);
    assert_int_equal(HY_DIRECTORY, ABI_OPEN_DIRECTORY);
    assert_int_equal(HY_TYPE_OTHER, ABI_OTHER);
    assert_int_equal(HY_E_INVAL, E_INVAL);
    assert_int_equal(HY_E_NOENT, E_NOENT);
    assert_int_equal(HY_E_CANCELLED, E_CANCELLED);
    assert_int_equal(HY_E_NOSPC, E_NOSPC);
    assert_int_equal(HY_E_ROFS, E_ROFS);
    assert_int_equal(HY_E_NODEV, E_NODEV);
    assert_int_equal(HY_E_NOTEMPTY, E_NOTEMPTY);
    assert_int_equal(HY_E_LOOP, E_LOOP);
    assert_int_equal(hy_note.flags, NOTE_NO_RED_ZONE | NOTE_CODE_MODEL | NOTE_USES_FP);
    assert_int_equal(sizeof(struct hy_note), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_must_match),
        cmocka_unit_test(test_unknown_names_are_absent),
        cmocka_unit_test(test_drivers_imports_are_found_by_binary_search),
        cmocka_unit_test(test_sdk_and_kernel_agree),
    };
    export_offer_to_drivers(for_drivers, sizeof for_drivers / sizeof for_drivers[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
