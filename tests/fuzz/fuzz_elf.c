// SPDX-License-Identifier: MIT
//
// Any bytes as an object. The header names the machine; an odd e_flags, which no real object has,
// places the imports out of reach of branches; bit 1 of it requests a driver. The sanitizers detect
// errors. The seeds are the unit tests' objects.
#include "arch/aarch64/jit/aarch64.h"
#include "arch/x86_64/jit/x86_64.h"
#include "kernel/load/elf/elf.h"
#include "kernel/load/elf/format.h"
#include "tests/unit/jit/host_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!elf_front_end.recognise(data, size) || size < sizeof(struct elf_header)) {
        return 0;
    }
    struct elf_header header;
    memcpy(&header, data, sizeof(header));
    host_reset();
    host.address[LOAD_CODE] = 0xffffffffa0000000;
    host.address[LOAD_RODATA] = 0xffffffffa0100000;
    host.address[LOAD_DATA] = 0xffffffffa0200000;
    host.import_address = header.flags % 2 != 0 ? 0x123400000000 : 0xffffffffa1000000;
    static const uint8_t identity[LOAD_IDENTITY];
    struct load load = {
        .kind = (header.flags & 4) != 0   ? LOAD_EXTENSION
                : (header.flags & 2) != 0 ? LOAD_DRIVER
                                          : LOAD_PROGRAM,
        .identity = identity,
        .extension_bytes = 16,
        .driver_interface = 1,
        .bytes = data,
        .len = size,
        .backend = header.machine == jit_backend_aarch64.elf_machine ? &jit_backend_aarch64
                                                                     : &jit_backend_x86_64,
        .err = &host.error,
    };
    enum status s = elf_front_end.load(&load);
    if (s != OK && host.error.text[0] == 0) {
        __builtin_trap(); /* refused without a message */
    }
    host_free(&load);
    return 0;
}
