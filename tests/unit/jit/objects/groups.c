// SPDX-License-Identifier: MIT
//
// Two COMDAT groups that nothing calls: a test makes the second a copy of the first.
#include "halyard.h"

__asm__(".section .text.one, \"axG\", %progbits, one, comdat\n"
        ".globl one\n.type one, %function\none: ret\n"
        ".section .text.two, \"axG\", %progbits, two, comdat\n"
        ".globl two\n.type two, %function\ntwo: ret\n"
        ".text");

int main(void)
{
    return 0;
}
