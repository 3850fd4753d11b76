// SPDX-License-Identifier: MIT
//
// The part of halyard.h that the samples use, implemented with the C library of WASI: the samples
// are compiled from one source both to machine code and to WebAssembly.
//
//     clang --target=wasm32-wasi -I programs/sdk/portable my.c -o my.wasm
//
// A program that need only be portable does not need this header: it uses the C library.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HY_READ O_RDONLY

#define hy_printf   printf
#define hy_dprintf  dprintf
#define hy_snprintf snprintf
#define hy_strcmp   strcmp
#define hy_exit     exit

/* As in the other halyard.h. */
static inline bool hy_shows_help(int argc, char **argv, const char *usage)
{
    bool is_asked = argc == 2 && hy_strcmp(argv[1], "--help") == 0;
    if (is_asked) {
        hy_printf("usage: %s\n", usage);
    }
    return is_asked;
}

/** A negative result is an error, here -errno. */
static inline int hy_open(const char *path, int flags)
{
    int fd = open(path, flags);
    return fd < 0 ? -errno : fd;
}

static inline int64_t hy_read(int fd, void *buf, size_t len)
{
    ssize_t n = read(fd, buf, len);
    return n < 0 ? -errno : n;
}

static inline int hy_close(int fd)
{
    return close(fd) < 0 ? -errno : 0;
}

static inline const char *hy_status_text(int status)
{
    return strerror(-status);
}

static inline const char *hy_format_double(char *buf, size_t len, double v, unsigned digits)
{
    snprintf(buf, len, "%.*f", (int)digits, v);
    return buf;
}
