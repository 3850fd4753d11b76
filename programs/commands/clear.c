// SPDX-License-Identifier: MIT
//
// clear: clears the terminal and its history.
#include "command.h"

int main(int argc, char **argv)
{
    begin(argc, argv, "clear");
    if (argc > 1) {
        misused();
    }
    out("\033[H\033[2J\033[3J");
    finish();
}
