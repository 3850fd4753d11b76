// SPDX-License-Identifier: MIT
//
// Debug builds: call chains that allocate or free memory. Each is stored once, with the objects and
// bytes allocated by it that are not freed yet.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** 0: unknown. */
typedef uint32_t heap_site_t;

/** @brief The site of the call chain that begins with the caller of the function with this frame.
 * @return 0: the table is full. @context{any} */
heap_site_t heap_site_at(const void *frame);

/** @brief Count an object as allocated there. @context{any} */
void heap_site_count_alloc(heap_site_t site, size_t bytes);
/** @brief Count an object that was allocated there as freed. @context{any} */
void heap_site_count_free(heap_site_t site, size_t bytes);

/** @brief Write `title`, and the chain below it. @context{any, panic included} */
void heap_site_print(void (*write)(void *ctx, const char *line), void *ctx, const char *title,
                     heap_site_t site);

/** @brief Write the `most` sites that hold the most bytes, with objects and
 * bytes. @context{thread} */
void heap_site_print_top(void (*write)(void *ctx, const char *line), void *ctx, unsigned most);
