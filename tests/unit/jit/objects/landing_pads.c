// SPDX-License-Identifier: MIT
//
// An object that declares landing pads (tests/unit/CMakeLists.txt has the flags).
#include "halyard.h"

int main(int argc, char **argv)
{
    (void)argv;
    return argc;
}
