// SPDX-License-Identifier: MIT
//
// Call chains that were seen, and how often: a tree of function names from the outermost caller
// down. Fixed size and pure; who finds the chains and takes the lock is profile.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLTREE_NAME_MAX 60u /* bytes, with the zero; longer names are cut */
#define CALLTREE_NAMES    512u
#define CALLTREE_NODES    4096u

struct calltree_node {
    uint16_t name;           /* number of it */
    uint16_t parent;         /* 0: the root */
    uint16_t child, sibling; /* first callee; next callee of the same parent; 0: none */
    uint32_t count;          /* samples that ended here */
};

/** Zeroed is empty. Node 0 is the root, which has no name; name 0 stands for those that had no
 * room.
 */
struct calltree {
    uint32_t name_count, node_count; /* used, without the zeroth */
    struct calltree_node nodes[CALLTREE_NODES];
    char names[CALLTREE_NAMES][CALLTREE_NAME_MAX];
};

/** @brief Number of a function's name, the same for the same name. @return 0: no room for another
 * one. */
uint16_t calltree_name(struct calltree *t, const char *name);

/** @brief The node of a function that is called from `node`. @return `node` itself: no room for
 * another one, what it does counts as its caller's. */
uint16_t calltree_enter(struct calltree *t, uint16_t node, uint16_t name);

/** @brief Count a sample that found this node running. */
void calltree_count(struct calltree *t, uint16_t node);

/**
 * @brief The next node from *at on that a sample ended in, as "outermost;...;innermost".
 * @param at   In: where to look; 0 at first. Out: behind the node.
 * @param buf  Receives the chain, its outermost part left out if it does not fit.
 * @param len  Bytes at buf, at least CALLTREE_NAME_MAX.
 * @return Its samples; 0: there are no more.
 */
uint32_t calltree_next(const struct calltree *t, uint32_t *at, char *buf, size_t len);
