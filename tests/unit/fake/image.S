// SPDX-License-Identifier: MIT
//
// The symbols of the kernel's linker script: an image with one page for each part, a boot stack as
// hal/context.h requires, and no fixups.

        .bss
        .macro  part name
        .globl  __\name\()_start, __\name\()_end
        .balign 4096
__\name\()_start:
        .zero   4096
__\name\()_end:
        .endm

        .balign 65536
        .globl  __image_base, __image_start, __image_end
__image_base:
__image_start:
        part    text
        part    rodata
        part    data
        part    bss
        .weak   __data_start            // the host's start-up code defines this one

        .balign 65536
        .globl  __boot_stack_guard, __boot_stack_start, __boot_stack_end
__boot_stack_guard:
        .zero   32768
__boot_stack_start:
        .zero   32768
__boot_stack_end:
__image_end:

        .globl  __fixup_start, __fixup_end
__fixup_start:
__fixup_end:

        .section .note.GNU-stack, "", @progbits
