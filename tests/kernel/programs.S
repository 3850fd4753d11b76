// SPDX-License-Identifier: MIT
//
// The sample programs as the build made them, for the tests that load and run them without a disk.

    .section .rodata.test_programs, "a"

.macro program name, file
    .balign 16
    .globl test_program_\name
test_program_\name:
    .incbin "programs/\file\().elf"
    .globl test_program_\name\()_end
test_program_\name\()_end:
.endm

    program exit, exit
    program threads, threads
    program spin, spin
    program crash, crash
    program sdk, test-sdk
    program landing, test-landing

    .section .note.GNU-stack, ""
