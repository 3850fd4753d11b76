// SPDX-License-Identifier: MIT
//
// The image as a PE32+ application, for UEFI firmware (PE Format, Microsoft): COFF header, optional header, and one
// section for each kind of permission, because firmware maps them separately. The Linux header gives its position
// (entry.S), on the same page. Offsets in the file equal offsets in memory; firmware loads the whole at any page.
// kernel.lds provides the sizes.
#include "arch/aarch64/asm.inc"

        .set    PE_PAGE, 0x1000
        .globl  layout_pe_page
        .set    layout_pe_page, PE_PAGE

        .section .text.pe_header, "ax"
        .balign 8
        .globl  pe_header
pe_header:
        .ascii  "PE\0\0"
        .short  0xaa64                  // ARM64
        .short  3                       // sections
        .long   0, 0, 0
        .short  optional_header_end - optional_header
        .short  0x0206                  // executable; line numbers and debugging data are elsewhere
optional_header:
        .short  0x20b                   // PE32+
        .byte   0, 0
        .long   __pe_text_size          // code
        .long   __pe_data_size          // initialised data
        .long   0                       // bytes that are not in the file: they are the end of .data
        .long   __pe_entry              // efi_main
        .long   __pe_text
        .quad   0                       // image base: 0, because everything is PC-relative
        .long   PE_PAGE, PE_PAGE        // alignment of sections in memory, and in the file
        .short  0, 0, 0, 0, 2, 0        // versions: of the system, the image, the subsystem
        .long   0
        .long   __image_size
        .long   PE_PAGE                 // size of headers; firmware does not execute what follows them on their page
        .long   0
        .short  10                      // EFI application
        .short  0x0100                  // data need not be executable
        .quad   0, 0, 0, 0              // stack and heap belong to the firmware
        .long   0
        .long   6                       // data directories, all empty
        .quad   0, 0, 0, 0, 0, 0
optional_header_end:
        .ascii  ".text\0\0\0"
        .long   __pe_text_size, __pe_text, __pe_text_size, __pe_text, 0, 0, 0
        .long   0x60000020              // code, executable, readable
        .ascii  ".rodata\0"
        .long   __pe_rodata_size, __pe_rodata, __pe_rodata_size, __pe_rodata, 0, 0, 0
        .long   0x40000040              // initialised, readable
        .ascii  ".data\0\0\0"
        .long   __pe_data_memory, __pe_data, __pe_data_size, __pe_data, 0, 0, 0
        .long   0xc0000040              // initialised, readable, writable
