// SPDX-License-Identifier: MIT
//
// Call chains that took or gave back memory, in debug builds: each is kept once, with what it has
// taken and not yet given back.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** 0: unknown. */
typedef uint32_t heap_site_t;

/** @brief The chain that begins with the caller of the function with this frame.
 * @return 0: there is no room for another. @context{any} */
heap_site_t heap_site_at(const void *frame);

/** @brief Count an object as taken there. @context{any} */
void heap_site_took(heap_site_t site, size_t bytes);
/** @brief Count one that was taken there as given back. @context{any} */
void heap_site_lost(heap_site_t site, size_t bytes);

/** @brief Pass on `title`, and the chain below it. @context{any, panic included} */
void heap_site_print(void (*write)(void *ctx, const char *line), void *ctx, const char *title,
                     heap_site_t site);

/** @brief Pass on the `most` that hold most, with objects and bytes. @context{thread} */
void heap_site_print_top(void (*write)(void *ctx, const char *line), void *ctx, unsigned most);
