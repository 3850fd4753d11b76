// SPDX-License-Identifier: MIT
//
// The C library's errno. Compiled without atomics, as the library itself, so that it is the
// library's variable and not a thread's.
#include <errno.h>

int *halyard_libc_errno(void);

int *halyard_libc_errno(void)
{
    return &errno;
}
