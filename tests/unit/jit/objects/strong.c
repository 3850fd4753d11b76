// SPDX-License-Identifier: MIT
//
// An import that does not exist, and a large array, which a test changes to 4 GiB.
#include "halyard.h"

extern int absent(void) __asm__("absent$1");

static volatile char large[100000];

int main(void)
{
    return absent() + large[5];
}
