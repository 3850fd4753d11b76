// SPDX-License-Identifier: MIT
//
// The sample programs and modules from the build, for tests that load them without a disk.

    .section .rodata.test_programs, "a"

.macro program name, file, format=elf
    .balign 16
    .globl test_program_\name
test_program_\name:
    .incbin "programs/\file\().\format"
    .globl test_program_\name\()_end
test_program_\name\()_end:
.endm

.macro module name
    .balign 16
    .globl test_module_\name
test_module_\name:
    .incbin "modules/\name\().ko"
    .globl test_module_\name\()_end
test_module_\name\()_end:
.endm

    module virtio_rng
    program exit, exit
    program compute, compute
    program threads, threads
    program spin, spin
    program crash, crash
    program sdk, test-sdk
    program landing, test-landing
    program calls, test-calls, wasm

    .section .note.GNU-stack, ""
