// SPDX-License-Identifier: MIT
//
// The smallest program: prints a line and its arguments.
#include "halyard.h"

int main(int argc, char **argv)
{
    if (hy_shows_help(argc, argv, "hello [WORD...]")) {
        return 0;
    }
    hy_printf("Hello from a program that was loaded from a file.\n");
    for (int i = 1; i < argc; i++) {
        hy_printf("argument %d: %s\n", i, argv[i]);
    }
    return 0;
}
