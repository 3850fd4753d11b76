// SPDX-License-Identifier: MIT
//
// Copying a file, for cp and mv.
#pragma once

#include "command.h"

static inline bool copy_bytes(int from, const char *from_name, int to, const char *to_name)
{
    static char bytes[16384];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        if (!write_all(to, bytes, (size_t)n)) {
            complain_errno(to_name);
            return false;
        }
    }
    if (n < 0) {
        complain_errno(from_name);
    }
    return n == 0;
}

/* A file is never copied onto itself, which would empty it. */
static inline bool copy_file(const char *from, const char *to)
{
    struct stat a, b;
    if (stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
        complain(from, "is the same file");
        return false;
    }
    int in = open(from, O_RDONLY);
    if (in < 0) {
        complain_errno(from);
        return false;
    }
    int to_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool is_good = to_fd >= 0 && copy_bytes(in, from, to_fd, to);
    if (to_fd < 0) {
        complain_errno(to);
    } else {
        close(to_fd);
    }
    close(in);
    return is_good;
}
