// SPDX-License-Identifier: MIT
//
// A typical program: kernel calls, a string, data.
#include "halyard.h"

static volatile int calls = 5;

static int __attribute__((noinline)) print(const char *who)
{
    calls++;
    return hy_printf("hello %s\n", who);
}

int main(int argc, char **argv)
{
    return print(argc > 1 ? argv[1] : "nobody");
}
