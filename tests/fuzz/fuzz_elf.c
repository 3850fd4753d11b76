// SPDX-License-Identifier: MIT
//
// libFuzzer target: any bytes as an object for either machine. The first byte chooses the machine and
// whether imports are in reach; the sanitizers are the judges.
//
//     clang -fsanitize=fuzzer,address,undefined ... then: fuzz_elf CORPUS, started from tests/unit/jit objects
#include "arch/aarch64/jit/aarch64.h"
#include "arch/x86_64/jit/x86_64.h"
#include "kernel/jit/elf/elf.h"
#include "tests/unit/jit/host_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    host_reset();
    host.address[LOAD_CODE] = 0xffffffffa0000000;
    host.address[LOAD_RODATA] = 0xffffffffa0100000;
    host.address[LOAD_DATA] = 0xffffffffa0200000;
    host.import_address = (data[0] & 2) != 0 ? 0x123400000000 : 0xffffffffa1000000;
    struct load load = {
        .bytes = data + 1,
        .len = size - 1,
        .backend = (data[0] & 1) != 0 ? &jit_backend_aarch64 : &jit_backend_x86_64,
        .err = &host.error,
    };
    if (elf_front_end.recognise(load.bytes, load.len)) {
        enum status s = elf_front_end.load(&load);
        if (s != OK && host.error.text[0] == 0) {
            __builtin_trap(); /* refused without a reason */
        }
    }
    host_free(&load);
    return 0;
}
