// SPDX-License-Identifier: MIT
//
// mv: renames files and folders, or moves them into a folder. Between file systems it copies a
// file.
#include "copy.h"

#include <stdio.h>

static void move(const char *from, const char *to)
{
    if (rename(from, to) == 0) {
        return;
    }
    if (errno != EXDEV) {
        complain_errno(from);
    } else if (is_folder(from)) {
        complain(from, "is on another file system; use cp -r and rm -r");
    } else if (copy_file(from, to) && unlink(from) != 0) {
        complain_errno(from);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "mv FROM... TO");
    int first = take_flags(argc, argv, "", NULL), count = argc - first;
    bool into = count > 1 && is_folder(argv[argc - 1]);
    if (count < 2 || (count > 2 && !into)) {
        misused();
    }
    for (int i = first; i < argc - 1; i++) {
        char path[PATH_BYTES];
        if (!into) {
            move(argv[i], argv[argc - 1]);
        } else if (join(argv[argc - 1], last_part(argv[i]), path)) {
            move(argv[i], path);
        }
    }
    finish();
}
