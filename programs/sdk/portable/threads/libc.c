// SPDX-License-Identifier: MIT
//
// The C library was not made for threads: its heap, its streams and its errno are one for all. So
// the linker sends calls of these functions here (--wrap), and one thread at a time is in them. The
// library's errno is the thread's meanwhile. A function that is not listed must not be called by
// several threads at a time, unless it uses only its arguments.
#include "pthread.h"

#include "threads/lock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int *halyard_libc_errno(void);

static int32_t lock;
static int *owner; /* the thread that holds it, by the address of its errno */
static unsigned depth;

/* A function of the library may call another one. */
static void enter(void)
{
    if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != &halyard_errno) {
        lock_word(&lock);
        __atomic_store_n(&owner, &halyard_errno, __ATOMIC_SEQ_CST);
        *halyard_libc_errno() = halyard_errno;
    }
    depth++;
}

static void leave(void)
{
    if (--depth == 0) {
        halyard_errno = *halyard_libc_errno();
        __atomic_store_n(&owner, NULL, __ATOMIC_SEQ_CST);
        unlock_word(&lock);
    }
}

#define WRAP(type, name, parameters, ...)                                                          \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        enter();                                                                                   \
        type result = __real_##name(__VA_ARGS__);                                                  \
        leave();                                                                                   \
        return result;                                                                             \
    }

WRAP(void *, malloc, (size_t bytes), bytes)
WRAP(void *, calloc, (size_t count, size_t bytes), count, bytes)
WRAP(void *, realloc, (void *p, size_t bytes), p, bytes)
WRAP(void *, aligned_alloc, (size_t align, size_t bytes), align, bytes)
WRAP(int, posix_memalign, (void **out, size_t align, size_t bytes), out, align, bytes)

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    enter();
    __real_free(p);
    leave();
}

WRAP(FILE *, fopen, (const char *path, const char *mode), path, mode)
WRAP(int, fclose, (FILE * f), f)
WRAP(int, fflush, (FILE * f), f)
WRAP(size_t, fread, (void *to, size_t size, size_t count, FILE *f), to, size, count, f)
WRAP(size_t, fwrite, (const void *from, size_t size, size_t count, FILE *f), from, size, count, f)
WRAP(int, vfprintf, (FILE * f, const char *format, va_list args), f, format, args)
WRAP(int, fputs, (const char *text, FILE *f), text, f)
WRAP(int, fputc, (int c, FILE *f), c, f)
WRAP(int, puts, (const char *text), text)
WRAP(int, putchar, (int c), c)
WRAP(char *, fgets, (char *to, int size, FILE *f), to, size, f)
WRAP(int, fgetc, (FILE * f), f)
WRAP(ssize_t, read, (int fd, void *to, size_t bytes), fd, to, bytes)
WRAP(ssize_t, write, (int fd, const void *from, size_t bytes), fd, from, bytes)
WRAP(int, close, (int fd), fd)
WRAP(off_t, lseek, (int fd, off_t offset, int whence), fd, offset, whence)
