// SPDX-License-Identifier: MIT
//
// rmdir: removes empty folders.
#include "command.h"

int main(int argc, char **argv)
{
    begin(argc, argv, "rmdir DIR...");
    int first = take_flags(argc, argv, "", NULL);
    if (argc == first) {
        misused();
    }
    for (int i = first; i < argc; i++) {
        if (rmdir(argv[i]) != 0) {
            complain_errno(argv[i]);
        }
    }
    finish();
}
