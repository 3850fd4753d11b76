// SPDX-License-Identifier: MIT
//
// Code memory for many small blocks, which share pages: functions that are compiled when they are
// first called are a few hundred bytes each. Writing a block makes the page that it shares with
// older ones not executable for that time. So only the one thread that runs the code may ask.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"
#include "kernel/mm/vm.h"

#define CODECHUNK_PAGES 64u /* of a chunk */
#define CODECHUNK_ALIGN 64u /* of each block: code and its constants need no more */

/** An address range for blocks, one after the other. Private, except for codechunk_pages(). */
struct codechunk {
    struct vm_range range;           /* where they run */
    struct vm_range alias;           /* where the newest is written; or 0 pages */
    paddr_t frames[CODECHUNK_PAGES]; /* of the first `taken` pages */
    size_t taken;                    /* pages that have frames */
    size_t mapped;                   /* pages that are mapped in `range` */
    size_t start, used;              /* bytes: where the newest block begins and ends */
    size_t blocks;                   /* that are not freed */
    unsigned prot;                   /* of code */
    bool is_open;                    /* the newest block is not sealed */
};

/** @brief Make a chunk without blocks, and without frames. @param name  For `mem map`; must live as
 * long as the chunk. @param has_landing_pads  As codemem_seal()'s. @return NULL: no memory, or no
 * addresses. @context{thread, may sleep} */
struct codechunk *codechunk_create(const char *name, bool has_landing_pads);

/** @brief New pages that a block of `bytes` would need; SIZE_MAX: it does not fit into the chunk.
 * @context{thread} */
size_t codechunk_pages(const struct codechunk *c, size_t bytes);

/**
 * @brief Allocate a block of code after the last one. No code of the chunk may run until it is
 * sealed or freed.
 * @param fill  The byte that new pages consist of.
 * @param address  Where it will run, aligned to CODECHUNK_ALIGN. @param bytes  At least 1.
 * @return where it can be written, filled; NULL: no memory, and nothing has changed.
 * @context{thread, may sleep} @locks loader
 * @pre the last block is sealed; codechunk_pages() is not SIZE_MAX
 */
uint8_t *codechunk_alloc(struct codechunk *c, size_t bytes, uint8_t fill, vaddr_t *address);

/** @brief Make the newest block executable, with all older ones. @return OK; E_NOMEM: only
 * codechunk_free() may follow. @context{thread, may sleep} */
enum status codechunk_seal(struct codechunk *c);

/** @brief Free a block: the newest one if it is not sealed, whose memory then is used for the next
 * one; else its memory stays unused. @return true: it was the last one, so codechunk_destroy() may
 * follow. @context{thread, may sleep}
 * @pre nothing runs in the block, and if it is not sealed, in the chunk */
bool codechunk_free(struct codechunk *c);

/** @brief Free a chunk without blocks. @context{thread, may sleep} @locks loader */
void codechunk_destroy(struct codechunk *c);
