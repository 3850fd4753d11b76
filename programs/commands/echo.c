// SPDX-License-Identifier: MIT
//
// echo: prints its words.
#include "command.h"

int main(int argc, char **argv)
{
    begin(argc, argv, "echo [-n] [WORD...]");
    bool has_newline = !(argc > 1 && strcmp(argv[1], "-n") == 0);
    for (int i = has_newline ? 1 : 2; i < argc; i++) {
        out(argv[i]);
        out(i + 1 < argc ? " " : "");
    }
    out(has_newline ? "\n" : "");
    finish();
}
