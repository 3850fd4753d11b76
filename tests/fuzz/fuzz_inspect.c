// SPDX-License-Identifier: MIT
//
// `jit FILE` and `jit dump FILE FUNCTION` of any bytes. The first byte is the length of the
// function name that follows, or 0 for all functions; then comes a module. The output is printable,
// because names come from the file; a refusal has a reason.
#include "fake/world.h"
#include "kernel/jit/dump.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/wasm/run/wasm_program.h"
#include "tests/fuzz/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        if (((uint8_t)s[i] < ' ' && s[i] != '\n') || s[i] == 0x7f) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        jit_enable_dump();
        is_up = true;
    }
    if (size == 0 || data[0] >= size) {
        return 0;
    }
    char name[UINT8_MAX + 1] = "";
    size_t len = data[0];
    memcpy(name, data + 1, len);
    struct loader_error err = {.text = ""};
    struct loader_inspection sums = {.sink = show};
    const struct inspection i = {.path = "/any",
                                 .function = len == 0 ? NULL : name,
                                 .sink = show,
                                 .result = &sums,
                                 .err = &err};
    uint64_t before = judge_live_objects();
    fake_console_clear();
    enum status s = wasm_inspect(&i, data + 1 + len, size - 1 - len);
    bool is_summed = s == OK && len == 0;
    if ((s == OK) != (err.text[0] == '\0') || judge_live_objects() != before ||
        (sums.code_bytes != 0) != (sums.functions != 0) || (!is_summed && sums.functions != 0)) {
        abort();
    }
    return 0;
}
