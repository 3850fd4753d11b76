// SPDX-License-Identifier: MIT
//
// An object whose compiler promises landing pads (tests/unit/CMakeLists.txt has the flags).
#include "halyard.h"

int main(int argc, char **argv)
{
    (void)argv;
    return argc;
}
