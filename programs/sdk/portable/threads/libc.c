// SPDX-License-Identifier: MIT
//
// The C library was not made for threads, which would share its heap, streams, paths and errno. So
// the linker sends calls of the functions in wrapped.def here (--wrap), and one thread at a time is
// in them. The library's errno is the thread's meanwhile.
//
// Of the others, those that POSIX lets use static data (strtok, localtime, rand, setenv, and names
// that end in _unlocked) are for one thread at a time. The rest use their arguments only; if one
// fails (poll, clock_gettime) the reason is in the errno of the library, not in the thread's.
#define _GNU_SOURCE /* fopencookie */
#include "pthread.h"

#include "threads/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

#define INPUT_NS 2000000000LL /* how long the end of the program waits for a call */

int *halyard_libc_errno(void);

static int32_t lock;
static int *owner; /* the thread that holds it, by the address of its errno */
static unsigned depth;

/* A function of the library may call another one. */
static void enter_within(int64_t ns)
{
    if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != &halyard_errno) {
        (void)lock_word_within(&lock, ns);
        __atomic_store_n(&owner, &halyard_errno, __ATOMIC_SEQ_CST);
        *halyard_libc_errno() = halyard_errno;
    }
    depth++;
}

static void enter(void)
{
    enter_within(FOREVER);
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

#define WRAP_VOID(name, parameters, ...)                                                           \
    void __real_##name parameters;                                                                 \
    void __wrap_##name parameters;                                                                 \
    void __wrap_##name parameters                                                                  \
    {                                                                                              \
        enter();                                                                                   \
        __real_##name(__VA_ARGS__);                                                                \
        leave();                                                                                   \
    }

#include "threads/wrapped.def"

/* ---- The end ---- */

static int32_t ending;

/* The first thread that ends the program runs the functions that were registered, which may wait
 * for other threads; one of those that ends it, too, waits until it has ended. */
_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);
_Noreturn void __wrap_exit(int status)
{
    lock_word(&ending);
    __real_exit(status);
}

/* The last step writes what streams have left. From then on no thread changes them. A call that
 * lasts waits for input, and then changes none either. */
void __real___stdio_exit(void);
void __wrap___stdio_exit(void);
void __wrap___stdio_exit(void)
{
    enter_within(INPUT_NS);
    __real___stdio_exit();
}
