// SPDX-License-Identifier: MIT
// What Lua and SQLite use of POSIX and WASI does not have. Each fails with ENOSYS, and the programs
// report that. The compiler includes this file before each of their sources.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "unwind.h"

#define MISSING(type, name, parameters, result)                                                    \
    static inline type missing_##name parameters                                                   \
    {                                                                                              \
        errno = ENOSYS;                                                                            \
        return result;                                                                             \
    }
MISSING(int, fchown, (int fd, uid_t owner, gid_t group), -1)
MISSING(int, fchmod, (int fd, mode_t mode), -1)
MISSING(int, chmod, (const char *path, mode_t mode), -1)
MISSING(int, system, (const char *command), command == NULL ? 0 : -1) // no command processor
MISSING(FILE *, popen, (const char *command, const char *mode), NULL)
MISSING(int, pclose, (FILE * stream), -1)
MISSING(FILE *, tmpfile, (void), NULL)
MISSING(char *, tmpnam, (char *buffer), NULL)
MISSING(uid_t, geteuid, (void), 0)
MISSING(uid_t, getuid, (void), 0)
#undef MISSING
#define fchown   missing_fchown
#define fchmod   missing_fchmod
#define chmod    missing_chmod
#define system   missing_system
#define popen    missing_popen
#define pclose   missing_pclose
#define tmpfile  missing_tmpfile
#define tmpnam   missing_tmpnam
#define geteuid  missing_geteuid
#define getuid   missing_getuid
#define L_tmpnam 32

// Record locks, which SQLite needs to open a file. They succeed: no other program locks files.
#define F_GETLK 5
#define F_SETLK 6
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
static inline int fcntl_with_locks(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_GETLK) {
        ((struct flock *)argument)->l_type = F_UNLCK;
    }
    return command == F_GETLK || command == F_SETLK ? 0 : fcntl(fd, command, (int)(long)argument);
}
#define fcntl fcntl_with_locks

// How Lua returns an error to the call that catches it, and whether it prints a prompt.
#define luai_jmpbuf      int
#define LUAI_THROW(L, c) unwind_throw()
#define LUAI_TRY(L, c, a)                                                                          \
    if (unwind_try((void (*)(void *, void *))(f), (L), (ud)) && (c)->status == 0) {                \
        (c)->status = -1;                                                                          \
    }
#define lua_stdin_is_tty() isatty(0)
