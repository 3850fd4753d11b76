// SPDX-License-Identifier: MIT
//
// Loading with the kernel's own services on the fake machine: memory, registry, names,
// error messages, and nothing leaks. The objects are AArch64's, which can be placed
// anywhere; their code does not run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "drivers/registry.h"
#include "kernel/boot/frontends.h"
#include "kernel/load/native/export.h"
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/backend.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/module/driver_module.h"
#include "kernel/program/program.h"

#define EXIT_STATUS 7

/* Stands for the whole run of a program. */
int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
{
    assert_true(fault_code_is_program(fn));
    assert_int_equal(a, 2);
    assert_string_equal(((char **)b)[1], "argument");
    return EXIT_STATUS;
}

struct bytes {
    uint8_t *p;
    size_t len;
};

static int boot(void **state)
{
    int result = world_boot(state);
    loader_init(&loader_formats);
    export_offer_to_drivers(driver_exports, driver_export_count);
    assert_int_equal(vfs_init(), OK);
    program_init();
    return result;
}

static struct bytes read_object(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.aarch64.o", TEST_OBJECT_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    struct bytes b = {.len = (size_t)ftell(f)};
    rewind(f);
    b.p = malloc(b.len);
    assert_int_equal(fread(b.p, 1, b.len, f), b.len);
    fclose(f);
    return b;
}

static void test_a_module_is_listed_named_and_freed(void **state)
{
    (void)state;
    struct page_stats before, after;
    struct heap_stats heap_before, heap_after;
    struct bytes b = read_object("sample");
    struct loader_error err = {.text = ""};
    struct module *m;
    /* Once before the count: the heap keeps a page of each used size class. */
    assert_int_equal(loader_load(LOAD_PROGRAM, "warm", b.p, b.len, &m, &err), OK);
    loader_unload(m);
    heap_drain();
    page_get_stats(&before);
    heap_get_stats(&heap_before);
    enum status s = loader_load(LOAD_PROGRAM, "dir/sample.elf", b.p, b.len, &m, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(s, OK);

    struct module_info info;
    assert_true(loader_get_info(0, &info));
    assert_false(loader_get_info(1, &info));
    assert_string_equal(info.name, "dir/sample.elf");
    assert_int_equal(info.refs, 1);

    assert_string_equal(loaded_modules->path, "dir/sample.elf");
    assert_string_equal(loaded_modules->name, "sample.elf");
    const struct module_section *code = NULL;
    for (uint32_t i = 0; i < loaded_modules->section_count; i++) {
        const struct module_section *section = &loaded_modules->sections[i];
        code = strcmp(section->name, ".text") == 0 ? section : code;
    }
    assert_non_null(code);
    assert_int_equal(code->address, info.code);
    assert_in_range(code->size, 1, info.code_bytes);

    char text[128];
    assert_true(fault_code_is_program(info.code));
    assert_true(fault_describe_code(info.code, text, sizeof(text)));
    assert_non_null(strstr(text, "main+0x0 ("));
    assert_non_null(strstr(text, "sample.c:"));
    assert_false(fault_describe_code(info.code + info.code_bytes, text, sizeof(text)));

    loader_unload(m);
    assert_null(loaded_modules);
    assert_false(fault_code_is_program(info.code));
    assert_false(loader_get_info(0, &info));
    heap_drain();
    page_get_stats(&after);
    heap_get_stats(&heap_after);
    assert_memory_equal(before.by_owner, after.by_owner, sizeof(before.by_owner));
    assert_int_equal(heap_before.live_objects, heap_after.live_objects);
    free(b.p);
}

static void expect_refusal(const char *name, const void *bytes, size_t len, enum status expected,
                           const char *text)
{
    struct page_stats before, after;
    struct loader_error err = {.text = ""};
    struct module *m = NULL;
    /* Once before the count, as above. */
    assert_int_equal(loader_load(LOAD_PROGRAM, name, bytes, len, &m, &err), expected);
    heap_drain();
    page_get_stats(&before);
    assert_int_equal(loader_load(LOAD_PROGRAM, name, bytes, len, &m, &err), expected);
    heap_drain();
    page_get_stats(&after);
    assert_string_equal(err.text, text);
    assert_null(m);
    assert_memory_equal(before.by_owner, after.by_owner, sizeof(before.by_owner));
}

static void test_refusals_name_the_thing(void **state)
{
    (void)state;
    struct bytes b = read_object("version");
    expect_refusal("v", b.p, b.len, E_UNRESOLVED,
                   "v: import hy_printf version 2: the kernel has 1");
    free(b.p);
    b = read_object("strong");
    expect_refusal("s", b.p, b.len, E_UNRESOLVED, "s: import absent version 1: no such symbol");
    free(b.p);
    expect_refusal("text", "#!/bin/sh", 9, E_FORMAT,
                   "text: unknown format (known: ELF64 object, WebAssembly, .NET assemblies)");
    expect_refusal("nothing", "", 0, E_FORMAT,
                   "nothing: unknown format (known: ELF64 object, WebAssembly, .NET assemblies)");
    expect_refusal("bell\a\x1b[2J", "", 0, E_FORMAT,
                   "bell??[2J: unknown format (known: ELF64 object, WebAssembly, .NET assemblies)");
}

/* --- memory that runs out --- */

static struct bytes object; /* the one that is loaded repeatedly */

static void assert_named(const struct loader_error *err, enum status s, const char *name)
{
    assert_int_equal(s, E_NOMEM);
    assert_memory_equal(err->text, name, strlen(name));
}

static bool load_and_unload_program(void)
{
    struct loader_error err = {.text = ""};
    struct module *m;
    enum status s = loader_load(LOAD_PROGRAM, "sample", object.p, object.len, &m, &err);
    if (s != OK) {
        assert_named(&err, s, "sample: ");
    } else {
        loader_unload(m);
    }
    assert_null(loaded_modules);
    assert_false(loader_get_info(0, NULL));
    return s == OK;
}

static void test_each_allocation_for_a_program_may_fail(void **state)
{
    (void)state;
    object = read_object("sample");
    fake_sweep("a program's load", load_and_unload_program);
    free(object.p);
}

static bool load_and_unload_driver(void)
{
    struct loader_error err = {.text = ""};
    unsigned taken = 1;
    enum status s = driver_module_load("virtio_rng", &taken, &err);
    if (s == OK) {
        assert_int_equal(taken, 0); /* its code cannot run here, and there is no device */
        s = driver_module_unload("virtio_rng", &err);
        assert_int_equal(s, OK);
    } else {
        assert_int_equal(s, E_NOMEM);
        assert_non_null(strstr(err.text, "virtio_rng"));
    }
    assert_null(loaded_modules);
    return s == OK;
}

static void put_file(const char *path, struct bytes b)
{
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, b.p, b.len, &n), OK);
    assert_int_equal(n, b.len);
    file_close(f);
}

static bool run_program(void)
{
    static const char *const arguments[] = {"program", "argument"};
    struct loader_error err = {.text = ""};
    struct program *p;
    const struct load_options options = {.argc = 2, .argv = arguments};
    enum status s = loader_start("/program", &options, &p, &err);
    if (s == OK) {
        enum program_end end;
        int status;
        assert_int_equal(program_wait(p, WAIT_FOREVER, &end, &status), OK);
        assert_int_equal(end, PROGRAM_EXITED);
        assert_int_equal(status, EXIT_STATUS);
        program_release(p);
    } else {
        assert_named(&err, s, "/program: ");
    }
    (void)thread_sleep(NS_PER_MS); /* a thread releases what programs leave */
    assert_null(loaded_modules);
    return s == OK;
}

static void test_each_allocation_for_a_run_may_fail(void **state)
{
    (void)state;
    object = read_object("sample");
    put_file("/program", object);
    fake_sweep("a program's run", run_program);
    free(object.p);
}

static void test_each_allocation_for_a_driver_may_fail(void **state)
{
    (void)state;
    object = read_object("virtio_rng");
    assert_int_equal(vfs_mkdir(NULL, "/lib"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/lib/modules"), OK);
    put_file("/lib/modules/virtio_rng.ko", object);
    fake_sweep("a driver module's load", load_and_unload_driver);
    free(object.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_module_is_listed_named_and_freed),
        cmocka_unit_test(test_refusals_name_the_thing),
        cmocka_unit_test(test_each_allocation_for_a_program_may_fail),
        cmocka_unit_test(test_each_allocation_for_a_run_may_fail),
        cmocka_unit_test(test_each_allocation_for_a_driver_may_fail),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
