// SPDX-License-Identifier: MIT
//
// Built against an interface of the future.
#include "halyard.h"

int later(const char *fmt) __asm__("hy_printf$2");

int main(void)
{
    return later("");
}
