// SPDX-License-Identifier: MIT
//
// Memory for loaded and compiled code, within branch reach of the kernel's text. No frame of it is
// ever writable and executable, through any mapping: code is written through an alias that cannot
// be executed and is gone before the code's own address is mapped, and the direct map does not
// contain its frames.
#pragma once

#include "hal/types.h"
#include "kernel/jit/loader.h"
#include "kernel/lib/status.h"
#include "kernel/mm/vm.h"

/** Memory of one module: three parts behind each other, page aligned. Private but for reading. */
struct codemem {
    struct vm_range range;         /* where the parts live */
    struct vm_range alias;         /* where code is written; pages 0 once sealed */
    size_t pages[LOAD_PART_COUNT]; /* may be 0 */
    paddr_t *frames;               /* of code, one a page */
    size_t mapped_code;            /* pages of code that are mapped at their address */
    size_t frame_count;            /* of `frames`, taken from the pool */
};

/**
 * @brief Take memory, writable at codemem_writable(), not executable. Data and read-only data are
 * zero.
 * @param m      Filled; the caller keeps it in place until codemem_free().
 * @param pages  Of each part; their sum at least 1.
 * @param name   Static; shown by `mem map`.
 * @return OK; E_NOMEM: nothing was taken.
 * @context{thread, may sleep} @locks loader
 */
enum status codemem_alloc(struct codemem *m, const size_t pages[LOAD_PART_COUNT], const char *name);

/** @brief Address that a part has, or will have for execution. @context{any} */
vaddr_t codemem_address(const struct codemem *m, enum load_part part);

/** @brief Where a part can be written before codemem_seal(). @context{any} */
uint8_t *codemem_writable(const struct codemem *m, enum load_part part);

/**
 * @brief Make code executable and read-only data read-only; instruction fetch sees what was
 * written.
 * @param has_landing_pads  Indirect branches into the code are checked where the CPU can.
 * @return OK; E_NOMEM: codemem_free() is all that can be done with it.
 * @context{thread, may sleep} @locks loader
 */
enum status codemem_seal(struct codemem *m, bool has_landing_pads);

/** @brief Give everything back. Nothing runs in it any more. @context{thread, may sleep} @locks
 * loader */
void codemem_free(struct codemem *m);

/** @brief Open the pool. @context{thread, once} */
void codemem_init(void);

/** @brief Frames that the pool holds, and how many of them are in use. @context{thread} */
void codemem_get_stats(size_t *pool_pages, size_t *used_pages);
