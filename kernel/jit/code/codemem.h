// SPDX-License-Identifier: MIT
//
// Memory for loaded and compiled code, within branch reach of the kernel's text. No frame of it is
// ever writable and executable at the same time, through any mapping: code is written through an
// alias that is not executable and is unmapped before the code's own address is mapped; and the
// direct map does not contain its frames.
#pragma once

#include "hal/types.h"
#include "kernel/jit/code/part.h"
#include "kernel/lib/status.h"
#include "kernel/mm/vm.h"

/** Memory of one module: three consecutive parts, page aligned. Private, except for reading. */
struct codemem {
    struct vm_range range;         /* address range of the parts */
    struct vm_range alias;         /* where code is written; 0 pages after sealing */
    size_t pages[LOAD_PART_COUNT]; /* may be 0 */
    paddr_t *frames;               /* of the code part, one for each page */
    size_t mapped_code;            /* code pages that are mapped at their own address */
    size_t frame_count;            /* entries of `frames` that the pool has filled */
};

/**
 * @brief Allocate memory that is writable at codemem_writable() and not executable. Data and
 * read-only data are zeroed.
 * @param m Filled; must stay in place until codemem_free().
 * @param pages  Of each part; at least 1 in total.
 * @param name Static; shown by `mem map`.
 * @return OK; E_NOMEM: nothing was allocated.
 * @context{thread, may sleep} @locks loader
 */
enum status codemem_alloc(struct codemem *m, const size_t pages[LOAD_PART_COUNT], const char *name);

/** @brief The address of a part, at which code will be executable. @context{any} */
vaddr_t codemem_address(const struct codemem *m, enum load_part part);

/** @brief The address at which a part can be written before codemem_seal(). @context{any} */
uint8_t *codemem_writable(const struct codemem *m, enum load_part part);

/**
 * @brief Make code executable and read-only data read-only. From here on, instruction fetches see
 * the written code.
 * @param has_landing_pads  Indirect branches into the code are checked where the CPU supports it.
 * @return OK; E_NOMEM: only codemem_free() may follow.
 * @context{thread, may sleep} @locks loader
 */
enum status codemem_seal(struct codemem *m, bool has_landing_pads);

/** @brief Free everything. Nothing may run in it any longer.
 * @context{thread, may sleep} @locks loader */
void codemem_free(struct codemem *m);

/** @brief Allocate frames for code, which the direct map does not contain; free unmapped ones.
 * @return OK; E_NOMEM: none was allocated. @context{thread, may sleep} @locks loader */
enum status codemem_take_frames(paddr_t *frames, size_t count);
void codemem_free_frames(const paddr_t *frames, size_t count);

/** @brief Map such frames in order into pages of a range. @return OK; E_NOMEM: nothing is mapped.
 * @context{thread} */
enum status codemem_map(struct vm_range *range, size_t first, const paddr_t *frames, size_t count,
                        unsigned prot);

/** @brief Initialise the pool. @context{thread, once} */
void codemem_init(void);

/** @brief Number of frames in the pool, and how many of them are in use. @context{thread} */
void codemem_get_stats(size_t *pool_pages, size_t *used_pages);
