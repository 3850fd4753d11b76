// SPDX-License-Identifier: MIT
//
// A program without a library, which tests/smoke/test_published.py compiles in the guest.
#ifdef WRONG
#define LAST WRONG_VALUE
#else
#define LAST 25
#endif

struct piece {
    const void *bytes;
    unsigned long count;
};

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int
fd_write(int fd, const struct piece *pieces, int count, unsigned long *written);

static int fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

void _start(void)
{
    char text[16];
    int at = sizeof text, left = fibonacci(LAST);
    text[--at] = '\n';
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    struct piece piece = {text + at, sizeof text - (unsigned)at};
    unsigned long written;
    fd_write(1, &piece, 1, &written);
}
