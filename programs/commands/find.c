// SPDX-License-Identifier: MIT
//
// find: the paths below folders, all or those with a certain name or type. Does not follow links.
#include "command.h"

static const char *name;
static char type; /* 'f', 'd', 'l'; 0: any */

/* `*` and `?`. Each star is tried once more, with one more character, when the rest fails. */
static bool is_match(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0' || *pattern == '*') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern != '\0' && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star != NULL && *retry != '\0') {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}

static char type_of(const struct stat *st)
{
    return S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'f';
}

static void find(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        complain_errno(path);
        return;
    }
    bool is_wanted =
        (name == NULL || is_match(name, last_part(path))) && (type == 0 || type == type_of(&st));
    if (is_wanted) {
        out_name(path);
        out("\n");
    }
    if (!S_ISDIR(st.st_mode)) {
        return;
    }
    char **names, inner[PATH_BYTES];
    int count = read_names(path, &names);
    for (int i = 0; i < count && !output.is_broken; i++) {
        if (join(path, names[i], inner)) {
            find(inner);
        }
    }
    free_names(names, count);
}

int main(int argc, char **argv)
{
    begin(argc, argv, "find [DIR...] [-name PATTERN] [-type f|d|l]");
    int end = argc;
    while (end > 2 && argv[end - 2][0] == '-') {
        end -= 2;
        if (strcmp(argv[end], "-name") == 0) {
            name = argv[end + 1];
        } else if (strcmp(argv[end], "-type") == 0 && strchr("fdl", argv[end + 1][0]) != NULL) {
            type = argv[end + 1][0];
        } else {
            misused();
        }
    }
    for (int i = 1; i < end; i++) {
        if (argv[i][0] == '-') {
            misused();
        }
        find(argv[i]);
    }
    if (end == 1) {
        find(".");
    }
    finish();
}
