// SPDX-License-Identifier: MIT
//
// How fast a file system moves data: writes a file in pieces of three sizes, then reads it. The
// argument is the file's name. The first pass warms up the emulator and prints nothing.
// docs/share.md has figures.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SMALL_TOTAL (8L << 20)
#define TOTAL       (64L << 20)
#define OPENS       500

static char buf[1 << 20];

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void move(const char *path, int writes, size_t piece, int prints)
{
    long total = piece < 65536 ? SMALL_TOTAL : TOTAL, done = 0;
    int fd = open(path, writes ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
    if (fd < 0) {
        fail(path);
    }
    double start = now_s();
    while (done < total) {
        ssize_t n = writes ? write(fd, buf, piece) : read(fd, buf, piece);
        if (n <= 0) {
            fail(path);
        }
        done += n;
    }
    close(fd);
    if (!prints) {
        return;
    }
    printf("%s, pieces of %zu bytes: %.0f MB/s\n", writes ? "write" : "read", piece,
           (double)done / 1e6 / (now_s() - start));
}

static void open_often(const char *path)
{
    double start = now_s();
    for (int i = 0; i < OPENS; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, buf, 1) < 0) {
            fail(path);
        }
        close(fd);
    }
    printf("open, read a byte, close: %.0f us\n", (now_s() - start) / OPENS * 1e6);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: files PATH\n");
        return 2;
    }
    move(argv[1], 1, 4096, 0);
    for (int writes = 1; writes >= 0; writes--) {
        for (size_t piece = 4096; piece <= sizeof buf; piece *= 16) {
            move(argv[1], writes, piece, 1);
        }
    }
    open_often(argv[1]);
    return 0;
}
