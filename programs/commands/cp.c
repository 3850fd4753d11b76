// SPDX-License-Identifier: MIT
//
// cp: copies files, and trees with -r. Links in a tree are copied as links.
#include "copy.h"

static bool is_tree;

static void copy(const char *from, const char *to);

static void copy_link(const char *from, const char *to)
{
    char target[PATH_BYTES];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n >= 0) {
        target[n] = '\0';
    }
    if (n < 0 || symlink(target, to) != 0) {
        complain_errno(n < 0 ? from : to);
    }
}

/* True if `to` is below the folder `from`: the copy would contain itself without end. */
static bool is_within(const char *from, const char *to)
{
    size_t len = strlen(from);
    return strncmp(from, to, len) == 0 && (to[len] == '/' || (len > 0 && from[len - 1] == '/'));
}

/* The depth is bounded: each level makes the path longer, up to PATH_BYTES. */
static void copy_folder(const char *from, const char *to)
{
    char a[PATH_BYTES], b[PATH_BYTES], **names;
    if (mkdir(to, 0777) != 0 && !(errno == EEXIST && is_folder(to))) {
        complain_errno(to);
        return;
    }
    int count = read_names(from, &names);
    for (int i = 0; i < count; i++) {
        if (join(from, names[i], a) && join(to, names[i], b)) {
            copy(a, b);
        }
    }
    free_names(names, count);
}

static void copy(const char *from, const char *to)
{
    struct stat st;
    if ((is_tree ? lstat(from, &st) : stat(from, &st)) != 0) {
        complain_errno(from);
    } else if (S_ISLNK(st.st_mode)) {
        copy_link(from, to);
    } else if (!S_ISDIR(st.st_mode)) {
        (void)copy_file(from, to);
    } else if (!is_tree) {
        complain(from, "is a folder; cp -r copies it");
    } else if (is_within(from, to)) {
        complain(to, "is inside the folder that is copied");
    } else {
        copy_folder(from, to);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "cp [-r] FROM... TO");
    int first = take_flags(argc, argv, "r", &is_tree);
    const char *to = argv[argc - 1];
    bool into = first < argc && is_folder(to);
    if (argc - first < 2 || (argc - first > 2 && !into)) {
        misused();
    }
    for (int i = first; i < argc - 1; i++) {
        char path[PATH_BYTES];
        if (!into) {
            copy(argv[i], to);
        } else if (join(to, last_part(argv[i]), path)) {
            copy(argv[i], path);
        }
    }
    finish();
}
