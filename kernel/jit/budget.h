// SPDX-License-Identifier: MIT
//
// A program's budget: it limits and owns memory. An allocation is charged before it is made and is
// tracked until it is freed. Another thread can free everything: code between budget_open() and
// budget_close() may be ended at any instruction.
//
// Not shared between threads. Functions with a budget parameter accept NULL: then memory is from
// the heap and not charged.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct budget_block;

struct budget {
    /** Charge bytes. @return false: the limit is exceeded, nothing has changed. */
    bool (*charge)(struct budget *self, size_t bytes);
    void (*uncharge)(struct budget *self, size_t bytes);
    /** From here on the running thread may be ended at any instruction, or no longer. */
    void (*set_open)(struct budget *self, bool open);
    struct budget_block *blocks; /* list, newest first */
    bool is_open;
};

/** @brief Charge bytes that the caller owns. @return false: the limit is exceeded. */
static inline bool budget_charge(struct budget *b, size_t bytes)
{
    return b == NULL || b->charge(b, bytes);
}

static inline void budget_uncharge(struct budget *b, size_t bytes)
{
    if (b != NULL) {
        b->uncharge(b, bytes);
    }
}

#define BUDGET_OVERHEAD ((size_t)32) /* bytes of the header of a block */

/** @brief Allocate memory, aligned to 16, not cleared, and charge the budget. @return NULL: the
 * limit or the heap is exhausted. @context{thread} */
void *budget_alloc(struct budget *b, size_t bytes);
/** @brief The same, zeroed. */
void *budget_zalloc(struct budget *b, size_t bytes);
/** @brief A zeroed array; NULL also if count * size overflows. */
void *budget_calloc(struct budget *b, size_t count, size_t size);
/** @brief Change the size of a block from old_bytes; p NULL: as budget_alloc(). @return NULL: the
 * old block is unchanged. */
void *budget_resize(struct budget *b, void *p, size_t old_bytes, size_t bytes);
/** @brief Free a block of this budget; NULL does nothing. @context{thread} */
void budget_free(struct budget *b, void *p);

/**
 * @brief Free all remaining blocks, which must no longer be in use. @return their number.
 * @context{thread}
 */
size_t budget_free_all(struct budget *b);

/** @brief Allow the running thread to be ended at any instruction. Until budget_close() it may
 * change only memory of the budget and its own stack, and call nothing that acquires anything else.
 * Pairs must not be nested. @context{thread} */
void budget_open(struct budget *b);
void budget_close(struct budget *b);

/** @brief The thread of this budget has ended, perhaps while it was open: from now on the running
 * thread uses it. Otherwise its next use would open the running thread. @context{thread} */
void budget_inherit(struct budget *b);
