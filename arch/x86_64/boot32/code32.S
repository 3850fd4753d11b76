// SPDX-License-Identifier: MIT
//
// One file of the 32-bit start, as compiled for i386 (machine.cmake names it). The x86-64 assembler needs to be told
// that it is 32-bit code.
        .code32
        .include BOOT32_SOURCE
