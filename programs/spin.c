// SPDX-License-Identifier: MIT
//
// Runs until it is killed, without a call of the kernel after its first line.
#include "halyard.h"

int main(int argc, char **argv)
{
    if (hy_shows_help(argc, argv, "spin")) {
        return 0;
    }
    hy_printf("spinning\n");
    for (volatile uint64_t turns = 0;; turns++) {
    }
}
