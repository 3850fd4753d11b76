// SPDX-License-Identifier: MIT
//
// Who pays for memory, and has it: a budget is one program's. What is taken through it is counted
// before it is there, is known until it is given back, and can be given back by somebody else:
// whoever runs between budget_open() and budget_close() may be given up at any instruction.
//
// Not shared between threads. Where a budget is asked for, NULL is nobody's: the heap, not counted.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct budget_block;

struct budget {
    /** Count bytes. @return false: they are too many, nothing has changed. */
    bool (*charge)(struct budget *self, size_t bytes);
    void (*uncharge)(struct budget *self, size_t bytes);
    /** From here on the running thread may be given up at any instruction, or no longer. */
    void (*set_open)(struct budget *self, bool open);
    struct budget_block *blocks; /* the newest first */
    bool is_open;
};

#define BUDGET_OVERHEAD ((size_t)32) /* bytes in front of a block */

/** @brief Memory that the budget pays, aligned to 16, not cleared. @return NULL: the limit or the
 * heap is exhausted. @context{thread} */
void *budget_alloc(struct budget *b, size_t bytes);
/** @brief The same, zeroed. */
void *budget_zalloc(struct budget *b, size_t bytes);
/** @brief A zeroed array; NULL also if count * size overflows. */
void *budget_calloc(struct budget *b, size_t count, size_t size);
/** @brief Move a block of old_bytes to one of another size; p NULL: as budget_alloc(). @return
 * NULL: the old one is untouched. */
void *budget_resize(struct budget *b, void *p, size_t old_bytes, size_t bytes);
/** @brief Give back a block of this budget; NULL does nothing. @context{thread} */
void budget_free(struct budget *b, void *p);

/** @brief Give back all that is left. Nobody uses it any more. @return how many blocks.
 * @context{thread} */
size_t budget_free_all(struct budget *b);

/**
 * @brief The running thread may be given up at any instruction: what it does now changes nothing
 * but memory of the budget and its own stack. Between the two it calls nothing that takes anything
 * else. No pairs inside each other. @context{thread}
 */
void budget_open(struct budget *b);
void budget_close(struct budget *b);
