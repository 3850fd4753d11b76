// SPDX-License-Identifier: MIT
//
// tree: draws folders and their content. Does not follow links.
#include "command.h"

static uint64_t folders, files;

/* `indent` has room for more levels than a path can have. */
static void draw(const char *path, char *indent)
{
    char **names, inner[PATH_BYTES];
    size_t end = strlen(indent);
    int count = read_names(path, &names);
    for (int i = 0; i < count && !output.is_broken; i++) {
        struct stat st;
        bool is_last = i + 1 == count;
        if (!join(path, names[i], inner)) {
            continue;
        }
        bool is_dir = lstat(inner, &st) == 0 && S_ISDIR(st.st_mode);
        *(is_dir ? &folders : &files) += 1;
        out(indent);
        out(is_last ? "`-- " : "|-- ");
        out_name(names[i]);
        out("\n");
        if (is_dir) {
            memcpy(indent + end, is_last ? "    " : "|   ", 5);
            draw(inner, indent);
            indent[end] = '\0';
        }
    }
    free_names(names, count);
}

int main(int argc, char **argv)
{
    static char indent[4 * PATH_BYTES] = "";
    begin(argc, argv, "tree [DIR]");
    int first = take_flags(argc, argv, "", NULL);
    if (argc > first + 1) {
        misused();
    }
    const char *top = argc > first ? argv[first] : ".";
    out_name(top);
    out("\n");
    draw(top, indent);
    out_number(folders, 1);
    out(" folders, ");
    out_number(files, 1);
    out(" files\n");
    finish();
}
