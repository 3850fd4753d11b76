// SPDX-License-Identifier: MIT
//
// Makes the front-end of .NET assemblies an extension of one kernel, as tests/kernel/extension.c
// does with the tests. The kernel loads it for the first assembly (kernel/boot/frontends.c).
#include "kernel/module/extension.h"

#include "kernel/cil/run/cil_program.h"
#include "kernel/module/additions.h"

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

static const struct bytecode_format *const formats[] = {&cil_format, NULL};
static const struct additions additions = {.formats = formats};

const struct extension halyard_extension = {.additions = &additions};
