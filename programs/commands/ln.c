// SPDX-License-Identifier: MIT
//
// ln: gives files further names, or with -s makes links that contain a path.
#include "command.h"

static bool is_symbolic;

/* WASI has no absolute target: it would lead out of every folder that a program may be given. */
static void make(const char *target, const char *name)
{
    if (is_symbolic && target[0] == '/') {
        complain(target, "is absolute; a link needs a path that starts at the link's folder");
    } else if ((is_symbolic ? symlink(target, name) : link(target, name)) != 0) {
        /* What hinders a link of a path is at the new name; another name needs its file, too. */
        complain_errno(is_symbolic || access(target, F_OK) == 0 ? name : target);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "ln [-s] TARGET... NAME");
    int first = take_flags(argc, argv, "s", &is_symbolic);
    const char *name = argv[argc - 1];
    bool into = first < argc && is_folder(name);
    if (argc - first < 2 || (argc - first > 2 && !into)) {
        misused();
    }
    for (int i = first; i < argc - 1; i++) {
        char path[PATH_BYTES];
        if (!into) {
            make(argv[i], name);
        } else if (join(name, last_part(argv[i]), path)) {
            make(argv[i], path);
        }
    }
    finish();
}
