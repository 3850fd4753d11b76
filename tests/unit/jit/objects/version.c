// SPDX-License-Identifier: MIT
//
// Built for a future version of the interface.
#include "halyard.h"

int later(const char *fmt) __asm__("hy_printf$2");

int main(void)
{
    return later("");
}
