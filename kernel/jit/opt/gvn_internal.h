// SPDX-License-Identifier: MIT
//
// Shared by the files of value numbering (gvn*.c).
#pragma once

#include "kernel/jit/opt/copy.h"
#include "kernel/jit/opt/effects.h"
#include "kernel/jit/opt/fold.h"
#include "kernel/lib/compiler.h"

/** One state of one class of memory, made by a store or by something unknown. */
struct gvn_version {
    uint32_t before; /* the state before the store; IR_NONE: anything may have changed */
    uint32_t index, memref, bytes; /* destination of the store */
};

/** What some bytes of memory contain in a version: the low bytes of a value. */
struct gvn_content {
    uint64_t offset;
    uint32_t version, index, number;
    uint16_t bytes;
    uint8_t space;
    uint8_t access;   /* for vectors whose load does not just copy bytes; else 0 */
    uint32_t last;    /* the last index where it can be used, as in struct fold_entry */
    uint32_t value_1; /* the value + 1; 0: free */
};
STATIC_ASSERT(sizeof(struct gvn_content) == 32, "two contents a line of the cache");

/** An access that certainly happened, of those whose index is a sum with the same root. */
struct gvn_accessed {
    uint32_t index_1;      /* the index + 1; 0: none */
    uint32_t plus, number; /* index = root + plus, modulo 2^32; the memory */
    uint32_t block;        /* tree_index of the block with the access */
};

/** An edge into a block of the input, as it was emitted. */
struct gvn_entry {
    uint32_t edge; /* of the output */
    uint32_t from; /* block of the input */
    uint32_t next; /* the next edge into the same block, or IR_NONE */
};

struct gvn {
    struct copy c;
    struct arena *a;
    struct fold_scope scope;
    uint8_t *is_done;
    uint8_t *is_dead; /* no emitted edge leads to it */

    struct gvn_entry *entries;
    uint32_t entry_count, entry_capacity;
    uint32_t *first_entry; /* by block */
    uint32_t *fact;        /* by block: condition that holds on its only edge, or IR_NONE */
    uint8_t *fact_truth;
    uint32_t
        /* by new value: 2 * index of the block where it is known, + whether it is not 0, + 2 */
        *known;
    uint32_t known_capacity;
    uint8_t *is_joined; /* by parameter of the input: it became a value */
    uint8_t *is_merged; /* by value: an extension that became part of its load */
    bool has_joined;

    /* A jump that is not emitted yet, because its target may be merged into the same block. */
    uint32_t pending_edge, pending_from; /* of the input; IR_NONE: none */
    uint32_t block;                      /* the block of the input that is being copied */
    bool has_ended;                      /* a trap ended the block early */

    /* The state of memory. */
    struct effects effects;
    uint32_t now[EFFECTS_CLASSES]; /* current version of each class */
    uint32_t *after;               /* by block: versions of all classes */
    struct gvn_version *versions;
    uint32_t version_count, version_capacity;
    struct gvn_content *contents;
    uint32_t content_mask;
    struct gvn_accessed *accessed; /* by new value: the root */
    uint32_t accessed_capacity;
};

/** @brief Find the classes, and what loops write. @return OK, E_NOMEM. */
enum status gvn_memory_start(struct gvn *g);
/** @brief Set the state of memory for the start of the block that is about to be copied. */
void gvn_memory_enter(struct gvn *g);
/** @brief Record the state of memory at the end of the block. */
void gvn_memory_leave(struct gvn *g);
/** @brief Forget everything: any memory may have been written. */
void gvn_memory_clobber(struct gvn *g);
/** @brief Use the index of an earlier access near this one, if there is one, and remember this one
 * otherwise. @param type Of the value that is loaded or stored. */
void gvn_near_access(struct gvn *g, struct ir_instr *i, unsigned type);
/** @brief Build a load, or return a value that equals its result. */
uint32_t gvn_load(struct gvn *g, struct ir_instr i);
void gvn_store(struct gvn *g, struct ir_instr i);
