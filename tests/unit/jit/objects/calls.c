// SPDX-License-Identifier: MIT
//
// Calls of two imports, and no other addresses: loads wherever the imports are.
#include "halyard.h"

extern int first(int) __asm__("first$1");
extern int second(int) __asm__("second$1");

int main(void)
{
    return first(1) + first(2) + second(3);
}
