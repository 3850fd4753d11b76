// SPDX-License-Identifier: MIT
//
// The only header for native programs of Halyard. A program is one C file with a main(), compiled
// with
//
//     clang @programs/cflags.x86_64 -c my.c -o my.elf        (or cflags.aarch64)
//
// into an object that the kernel's loader places in memory and runs with the kernel's privileges,
// so it must be trusted. Every function below is a call of the kernel. A negative result is an
// enum hy_status. Stacks are small, about 20 KiB for each thread: put large arrays into static
// variables or allocate them.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The note: describes this build for the loader ---- */

#define HY_ABI_VERSION 1u

#if defined(__x86_64__)
#define HY_MACHINE 62u
#if !defined(__code_model_kernel__)
#error "compile with -mcmodel=kernel: use the flags in programs/cflags.x86_64"
#endif
#elif defined(__aarch64__)
#define HY_MACHINE 183u
#else
#error "Halyard runs on x86_64 and aarch64"
#endif

/* No macro of the compiler tells whether the red zone is off, so the file of flags that turns it
 * off also defines this one. */
#if !defined(HALYARD_NO_RED_ZONE)
#error "compile with the flags in programs/cflags.x86_64 or programs/cflags.aarch64"
#endif

#if defined(__SSE__) || defined(__ARM_NEON)
#define HY_NOTE_FP 4u
#else
#define HY_NOTE_FP 0u
#endif

struct hy_note {
    uint32_t name_size, desc_size, type;
    char name[8];
    uint32_t abi_version, machine;
    uint32_t
        flags; /* 1: no red zone, 2: the machine's code model, 4: uses floating-point registers */
};

__attribute__((section(".note.halyard"), used, aligned(4))) static const struct hy_note hy_note = {
    .name_size = 8,
    .desc_size = 12,
    .type = 1,
    .name = "Halyard",
    .abi_version = HY_ABI_VERSION,
    .machine = HY_MACHINE,
    .flags = 1u | 2u | HY_NOTE_FP,
};

/* ---- The calls: each name carries its version ---- */

#define HY_CALL(name, version) __asm__(#name "$" #version)

enum hy_status {
    HY_OK = 0,
    HY_E_INVAL = -1,
    HY_E_NOMEM = -2,
    HY_E_NOENT = -3,
    HY_E_EXIST = -4,
    HY_E_BUSY = -5,
    HY_E_IO = -6,
    HY_E_RANGE = -7,
    HY_E_NOTSUP = -8,
    HY_E_PERM = -9,
    HY_E_NOTDIR = -10,
    HY_E_ISDIR = -11,
    HY_E_NAMETOOLONG = -12,
    HY_E_CORRUPT = -13,
    HY_E_TIMEDOUT = -14,
    HY_E_CANCELLED = -15,
    HY_E_NOSPC = -20,
    HY_E_ROFS = -21,
    HY_E_NODEV = -22,
    HY_E_NOTEMPTY = -25,
    HY_E_LOOP = -26,
    HY_E_PIPE = -28,
};

/** The text for a negative result; a static string. */
const char *hy_status_text(int status) HY_CALL(hy_status_text, 1);

/* Files are small numbers; 0, 1 and 2 are the console. */

enum hy_open_flags {
    HY_READ = 1,
    HY_WRITE = 2,
    HY_CREATE = 4,
    HY_TRUNCATE = 8,
    HY_EXCLUSIVE = 16,
    HY_APPEND = 32,
    HY_DIRECTORY = 64,
};

enum hy_file_type {
    HY_TYPE_REGULAR,
    HY_TYPE_DIRECTORY,
    HY_TYPE_SYMLINK,
    HY_TYPE_DEVICE,
    HY_TYPE_OTHER
};

struct hy_stat {
    uint64_t inode, size, mtime_s;
    uint32_t type, mode;
};

struct hy_dir_entry {
    uint64_t inode;
    uint32_t type;
    char name[256];
};

/** Return the number of bytes written or read (0: end of file), which may be less than len. */
int64_t hy_write(int fd, const void *buf, size_t len) HY_CALL(hy_write, 1);
int64_t hy_read(int fd, void *buf, size_t len) HY_CALL(hy_read, 1);
/** Returns the file's number. */
int hy_open(const char *path, unsigned flags) HY_CALL(hy_open, 1);
/** Waits until a read would not wait; HY_E_TIMEDOUT after that time. */
int hy_wait_readable(int fd, uint64_t timeout_ns) HY_CALL(hy_wait_readable, 1);
int hy_close(int fd) HY_CALL(hy_close, 1);
/** Returns the new position. whence 0 = from the start, 1 = from the position, 2 = from the end. */
int64_t hy_seek(int fd, int64_t offset, int whence) HY_CALL(hy_seek, 1);
int hy_stat(const char *path, struct hy_stat *out) HY_CALL(hy_stat, 1);
int hy_fstat(int fd, struct hy_stat *out) HY_CALL(hy_fstat, 1);
/** Reads the next entry of a directory; HY_E_NOENT at the end. */
int hy_readdir(int fd, struct hy_dir_entry *out) HY_CALL(hy_readdir, 1);

/* The terminal. A read returns at most one line, which the person has edited and seen; Ctrl-D is
 * the end of file. Other modes return each key at once and echo nothing; with HY_TERMINAL_RAW,
 * Ctrl-C and its like are keys, too. The mode is the program's own: nothing has to restore it. */

enum hy_terminal_mode { HY_TERMINAL_LINES, HY_TERMINAL_KEYS, HY_TERMINAL_RAW };

struct hy_terminal_size {
    uint32_t columns, rows;
};

/** Returns the mode before. */
int hy_terminal_mode(int mode) HY_CALL(hy_terminal_mode, 1);
/** HY_E_NOTSUP: unknown, or the input is not a terminal. */
int hy_terminal_size(struct hy_terminal_size *out) HY_CALL(hy_terminal_size, 1);

/* Text with printf's conversions for integers, characters and strings. Other conversions are
 * printed unchanged; use hy_format_double() for a double. */
int hy_printf(const char *fmt, ...) HY_CALL(hy_printf, 1) __attribute__((format(printf, 1, 2)));
int hy_dprintf(int fd, const char *fmt, ...) HY_CALL(hy_dprintf, 1)
    __attribute__((format(printf, 2, 3)));
int hy_snprintf(char *buf, size_t len, const char *fmt, ...) HY_CALL(hy_snprintf, 1)
    __attribute__((format(printf, 3, 4)));

/* Memory, 16-byte aligned. The kernel frees the rest when the program ends. */
void *hy_malloc(size_t size) HY_CALL(hy_malloc, 1) __attribute__((malloc));
void *hy_calloc(size_t count, size_t size) HY_CALL(hy_calloc, 1) __attribute__((malloc));
void *hy_realloc(void *p, size_t size) HY_CALL(hy_realloc, 1);
void hy_free(void *p) HY_CALL(hy_free, 1);

/* Time: monotonic nanoseconds since boot; nanoseconds since 1970 (HY_E_NODEV: no clock). */
uint64_t hy_time_ns(void) HY_CALL(hy_time_ns, 1);
int hy_wall_ns(uint64_t *out) HY_CALL(hy_wall_ns, 1);
int hy_sleep_ns(uint64_t ns) HY_CALL(hy_sleep_ns, 1);

/* Threads: at most 64 at a time besides the main thread; all end when the program does. */
int hy_thread_create(int (*fn)(void *arg), void *arg) HY_CALL(hy_thread_create, 1);
int hy_thread_join(int thread, int *value) HY_CALL(hy_thread_join, 1);
_Noreturn void hy_thread_exit(int value) HY_CALL(hy_thread_exit, 1);
void hy_yield(void) HY_CALL(hy_yield, 1);

/** End the program; status 0 to 255. A return from main has the same effect. */
_Noreturn void hy_exit(int status) HY_CALL(hy_exit, 1);

/* ---- Functions that the compiler calls by these names ---- */

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

static inline size_t hy_strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != 0) {
        n++;
    }
    return n;
}

static inline int hy_strcmp(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* True after printing what a program prints for --help, its usage; it should then end. */
static inline bool hy_shows_help(int argc, char **argv, const char *usage)
{
    bool is_asked = argc == 2 && hy_strcmp(argv[1], "--help") == 0;
    if (is_asked) {
        hy_printf("usage: %s\n", usage);
    }
    return is_asked;
}

#if HY_NOTE_FP
/**
 * Write a double in decimal, rounded to `digits` (0 to 17) decimals, to buf of at least 40 bytes.
 * Values of 1e18 or more, and infinities and NaN, are written as "big", "-big", "inf", "-inf" or
 * "nan".
 */
static inline const char *hy_format_double(char *buf, size_t len, double v, unsigned digits)
{
    const char *sign = v < 0 ? "-" : "";
    double a = v < 0 ? -v : v;
    uint64_t scale = 1;
    for (unsigned i = 0; i < digits && i < 17; i++) {
        scale *= 10;
    }
    if (v != v) {
        hy_snprintf(buf, len, "nan");
    } else if (a > 1.7976931348623157e308) {
        hy_snprintf(buf, len, "%sinf", sign);
    } else if (a >= 1e18) {
        hy_snprintf(buf, len, "%sbig", sign);
    } else {
        uint64_t whole = (uint64_t)a;
        uint64_t part = (uint64_t)((a - (double)whole) * (double)scale + 0.5);
        if (part >= scale) {
            whole++;
            part -= scale;
        }
        if (digits == 0) {
            hy_snprintf(buf, len, "%s%llu", sign, (unsigned long long)whole);
        } else {
            hy_snprintf(buf, len, "%s%llu.%0*llu", sign, (unsigned long long)whole, (int)digits,
                        (unsigned long long)part);
        }
    }
    return buf;
}
#endif
