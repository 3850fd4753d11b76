// SPDX-License-Identifier: MIT
//
// rmdir: removes empty folders.
#include "command.h"

int main(int argc, char **argv)
{
    begin(argc, argv, "rmdir DIR...");
    if (argc < 2) {
        misused();
    }
    for (int i = 1; i < argc; i++) {
        if (rmdir(argv[i]) != 0) {
            complain_errno(argv[i]);
        }
    }
    finish();
}
