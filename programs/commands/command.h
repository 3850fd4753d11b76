// SPDX-License-Identifier: MIT
//
// Shared by the commands in this folder: options, buffered output, lines of input, complaints. Each
// command is one file and contains only the functions that it uses. stdio is avoided, because the
// programs are compiled whenever they are loaded: without it they are half the size.
#pragma once

#include "allocate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 1024

static const char *command_name, *command_usage;
static int command_status; /* what main() returns through finish() */

/* ---- Output ---- */

static struct {
    char bytes[4096];
    size_t used;
    bool is_broken; /* the disk is full; reported once */
} output;

static inline bool write_all(int fd, const char *s, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, s, len);
        if (n <= 0) {
            return false;
        }
        s += n;
        len -= (size_t)n;
    }
    return true;
}

static inline void say(const char *s)
{
    (void)write_all(2, s, strlen(s));
}

/* A reader that has read enough, as head does, is no failure: the rest is not needed. */
static inline void out_flush(void)
{
    if (!output.is_broken && !write_all(1, output.bytes, output.used)) {
        if (errno == EPIPE) {
            exit(command_status);
        }
        output.is_broken = true;
        command_status = 1;
        say(command_name);
        say(": standard output: ");
        say(strerror(errno));
        say("\n");
    }
    output.used = 0;
}

static inline void out_bytes(const char *s, size_t len)
{
    while (len > 0) {
        size_t room = sizeof output.bytes - output.used, n = len < room ? len : room;
        memcpy(output.bytes + output.used, s, n);
        output.used += n;
        s += n;
        len -= n;
        if (output.used == sizeof output.bytes) {
            out_flush();
        }
    }
}

static inline void out(const char *s)
{
    out_bytes(s, strlen(s));
}

/* Right-aligned in `width` columns. */
static inline void out_number(uint64_t v, unsigned width)
{
    char digits[24];
    unsigned at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    for (unsigned n = sizeof digits - at; n < width; n++) {
        out(" ");
    }
    out_bytes(digits + at, sizeof digits - at);
}

static inline void out_hex(uint64_t v, unsigned digits)
{
    while (digits-- > 0) {
        out_bytes(&"0123456789abcdef"[v >> (4 * digits) & 15], 1);
    }
}

/* Bytes of the character at the start of some bytes; 0: the first byte could drive the terminal or
 * is no UTF-8 (Unicode, table 3-7). */
static inline size_t harmless_length(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned first = p[0], second = len > 1 ? p[1] : 0;
    size_t n = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (first < 0x80) {
        return first >= ' ' && first != 0x7f;
    }
    for (size_t i = 1; i < n; i++) {
        if (i >= len || (p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_bad = (first == 0xc2 && second < 0xa0) || (first == 0xe0 && second < 0xa0) ||
                  (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
                  (first == 0xf4 && second > 0x8f);
    return is_bad ? 0 : n;
}

/* A name from a disk, or a word that may be one. */
static inline void put_name(const char *name, void (*put)(const char *s, size_t len))
{
    for (size_t left = strlen(name); left > 0;) {
        size_t n = harmless_length(name, left);
        unsigned char byte = (unsigned char)*name;
        char escape[] = {'\\', 'x', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
        put(n > 0 ? name : escape, n > 0 ? n : sizeof escape);
        name += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
}

static inline void out_name(const char *name)
{
    put_name(name, out_bytes);
}

/* ---- Complaints and the end ---- */

static inline void say_bytes(const char *s, size_t len)
{
    (void)write_all(2, s, len);
}

static inline void complain(const char *what, const char *why)
{
    say(command_name);
    say(": ");
    put_name(what, say_bytes);
    say(": ");
    say(why);
    say("\n");
    command_status = 1;
}

static inline void complain_errno(const char *what)
{
    complain(what, strerror(errno));
}

static inline _Noreturn void finish(void)
{
    out_flush();
    exit(command_status);
}

static inline _Noreturn void misused(void)
{
    say("usage: ");
    say(command_usage);
    say("\n");
    exit(2);
}

static inline void *must(void *p)
{
    if (p == NULL) {
        complain("memory", "none left");
        finish();
    }
    return p;
}

/* "/bin/cp.wasm" is cp. Changed in place. */
static inline const char *name_of(char *path)
{
    char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    char *dot = strrchr(name, '.');
    if (dot != NULL && strcmp(dot, ".wasm") == 0) {
        *dot = '\0';
    }
    return name;
}

/* Relative paths start at the shell's folder, whose name is in PWD; the C library begins at /. */
static inline void begin(int argc, char **argv, const char *usage)
{
    const char *folder = getenv("PWD");
    command_usage = usage;
    command_name = argc > 0 ? name_of(argv[0]) : "command";
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        out("usage: ");
        out(usage);
        out("\n");
        finish();
    }
    if (folder != NULL && chdir(folder) != 0) {
        complain_errno(folder);
        finish();
    }
}

/* Options of one letter, together or apart, up to a word that is none or to "--". @return the index
 * of the first word after them. */
static inline int take_flags(int argc, char **argv, const char *known, bool *flags)
{
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            return at + 1;
        }
        for (const char *c = argv[at] + 1; *c != '\0'; c++) {
            const char *found = strchr(known, *c);
            if (found == NULL) {
                misused();
            }
            flags[found - known] = true;
        }
    }
    return at;
}

static inline bool parse_number(const char *s, uint64_t *result)
{
    uint64_t v = 0;
    if (*s == '\0') {
        return false;
    }
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10) {
            return false;
        }
        v = 10 * v + (uint64_t)(*s - '0');
    }
    *result = v;
    return true;
}

/* "-n 3" or "-3", for head and tail. @return the index of the first word after it. */
static inline int take_lines(int argc, char **argv, uint64_t *lines)
{
    if (argc > 1 && strcmp(argv[1], "-n") == 0) {
        if (argc < 3 || !parse_number(argv[2], lines)) {
            misused();
        }
        return 3;
    }
    if (argc > 1 && argv[1][0] == '-' && parse_number(argv[1] + 1, lines)) {
        return 2;
    }
    return take_flags(argc, argv, "", NULL);
}

/* ---- Input ---- */

struct input {
    int fd;
    const char *name;
    char *bytes; /* owned; grows with the longest line */
    size_t room, at, end;
    bool is_done;
};

/* Opens argv[i]; without such a word, or for "-", standard input. */
static inline bool open_input(struct input *in, const char *path)
{
    *in = (struct input){.name = path == NULL ? "standard input" : path};
    if (path != NULL && strcmp(path, "-") != 0) {
        in->fd = open(path, O_RDONLY);
        if (in->fd < 0) {
            complain_errno(path);
            return false;
        }
    }
    return true;
}

/* A program that prints while it reads would never end if it read its own output: grep x a >> a. */
static inline bool is_output(const struct input *in)
{
    struct stat a, b;
    bool is_same = fstat(in->fd, &a) == 0 && fstat(1, &b) == 0 && S_ISREG(a.st_mode) &&
                   a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    if (is_same) {
        complain(in->name, "is the output, too");
    }
    return is_same;
}

static inline void close_input(struct input *in)
{
    if (in->fd != 0) {
        close(in->fd);
    }
    free(in->bytes);
}

/* Reads more after the bytes that are there. @return false: the end, or an error (reported). */
static inline bool fill(struct input *in)
{
    if (in->at > 0) {
        memmove(in->bytes, in->bytes + in->at, in->end - in->at);
        in->end -= in->at;
        in->at = 0;
    }
    if (in->end == in->room) {
        in->room = in->room == 0 ? 4096 : 2 * in->room;
        in->bytes = must(realloc(in->bytes, in->room));
    }
    ssize_t n = in->is_done ? 0 : read(in->fd, in->bytes + in->end, in->room - in->end);
    if (n < 0) {
        complain_errno(in->name);
    }
    in->is_done = n <= 0;
    in->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The next line, its newline included if it has one. Valid until the next call. */
static inline bool next_line(struct input *in, char **line, size_t *len)
{
    size_t seen = 0;
    for (;;) {
        size_t have = in->end - in->at;
        char *start = in->bytes + in->at;
        char *newline = have > seen ? memchr(start + seen, '\n', have - seen) : NULL;
        if (newline != NULL || (in->is_done && have > 0)) {
            *line = start;
            *len = newline != NULL ? (size_t)(newline - start) + 1 : have;
            in->at += *len;
            return true;
        }
        seen = have;
        if (!fill(in) && in->end == in->at) {
            return false;
        }
    }
}

/* Calls work() for each file, or for standard input if there is none. */
static inline void for_each_input(int count, char **paths, void (*work)(struct input *in))
{
    for (int i = 0; i < count || i == 0; i++) {
        struct input in;
        if (open_input(&in, count == 0 ? NULL : paths[i])) {
            work(&in);
            close_input(&in);
        }
    }
}

/* ---- Paths ---- */

static inline bool join(const char *dir, const char *name, char *path)
{
    size_t a = strlen(dir), b = strlen(name);
    bool has_slash = a > 0 && dir[a - 1] == '/';
    if (a + b + 2 > PATH_BYTES) {
        errno = ENAMETOOLONG;
        complain_errno(name);
        return false;
    }
    memcpy(path, dir, a);
    path[a] = '/';
    memcpy(path + a + (has_slash ? 0 : 1), name, b + 1);
    return true;
}

static inline const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static inline bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static inline bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The names in a folder, sorted. @return how many; -1: reported. free_names() frees them. */
static inline int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline int read_names(const char *path, char ***names)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int count = 0;
    *names = NULL;
    if (dir == NULL) {
        complain_errno(path);
        return -1;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (!is_dots(entry->d_name)) {
            if ((count & (count - 1)) == 0) {
                *names = must(realloc(*names, (size_t)(2 * count + 1) * sizeof **names));
            }
            (*names)[count++] = must(strdup(entry->d_name));
        }
    }
    closedir(dir);
    qsort(*names, (size_t)count, sizeof **names, by_name);
    return count;
}

static inline void free_names(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}
