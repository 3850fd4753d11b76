// SPDX-License-Identifier: MIT
//
// Where the address sanitizer's check is kept.
#include "kernel/lib/access_check.h"

#ifdef HALYARD_ADDRESS

/* NULL until the sanitizer has a shadow, and again once a panic has begun: then the functions
 * of string.c check nothing. */
void (*access_check)(const void *p, size_t len, bool is_write, const void *pc);

void access_check_stop(void)
{
    access_check = NULL;
}

#endif
