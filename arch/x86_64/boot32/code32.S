// SPDX-License-Identifier: MIT
//
// One file of the 32-bit start, as the compiler wrote it for i386 (machine.cmake names it): the x86-64
// assembler has to be told that it is 32-bit code.
        .code32
        .include BOOT32_SOURCE
