// SPDX-License-Identifier: MIT
//
// Any bytes as a program, a driver or an extension, with the kernel's own services below the
// format: code memory, exports, the list of modules and their names, and error messages. As in
// fuzz_elf, e_flags chooses. Nothing runs; a refused or unloaded file has released everything, and
// no message contains unprintable bytes.
#include "fake/world.h"
#include "kernel/boot/frontends.h"
#include "kernel/fault/fault.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/load/elf/format.h"
#include "kernel/load/loader.h"
#include "tests/fuzz/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct books {
    size_t pool_pages, used_pages;
    uint64_t objects;
};

static struct books take_books(void)
{
    struct books b = {.objects = judge_live_objects()};
    codemem_get_stats(&b.pool_pages, &b.used_pages);
    return b;
}

/* The queries of `programs`, a backtrace and a debugger. */
static void look_at(const struct module *m, enum load_kind kind)
{
    struct module_info info;
    char text[160] = "";
    size_t code, data;
    if (!loader_get_info(0, &info)) {
        abort();
    }
    judge_text(info.name, sizeof(info.name));
    loader_get_size(m, &code, &data);
    for (size_t at = 0; at < code; at += 1 + code / 16) {
        (void)fault_describe_code(info.code + at, text, sizeof(text));
        judge_text(text, sizeof(text));
    }
    if (kind == LOAD_DRIVER && loader_driver(m) == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        loader_init(&loader_formats);
        is_up = true;
    }
    struct elf_header header = {.flags = 0};
    memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
    enum load_kind kind = (header.flags & 4) != 0   ? LOAD_EXTENSION
                          : (header.flags & 2) != 0 ? LOAD_DRIVER
                                                    : LOAD_PROGRAM;
    struct loader_error err = {.text = ""};
    struct module *m;
    struct books before = take_books();
    fake_console_clear();
    if (loader_load(kind, "any", data, size, &m, &err) == OK) {
        look_at(m, kind);
        loader_unload(m);
    } else if (err.text[0] == '\0') {
        abort(); /* refused without a message */
    }
    judge_text(err.text, sizeof(err.text));
    struct books after = take_books();
    if (after.used_pages != before.used_pages || after.objects != before.objects) {
        abort();
    }
    return 0;
}
