// SPDX-License-Identifier: MIT
//
// touch: creates files, or sets the times of those that exist to now.
#include "command.h"

int main(int argc, char **argv)
{
    begin(argc, argv, "touch FILE...");
    int first = take_flags(argc, argv, "", NULL);
    if (argc == first) {
        misused();
    }
    for (int i = first; i < argc; i++) {
        if (utimensat(AT_FDCWD, argv[i], NULL, 0) == 0) {
            continue;
        }
        int fd = errno == ENOENT ? open(argv[i], O_WRONLY | O_CREAT, 0666) : -1;
        if (fd < 0) {
            complain_errno(argv[i]);
        } else {
            close(fd);
        }
    }
    finish();
}
