// SPDX-License-Identifier: MIT
//
// Sampled call chains and their counts: a tree of function names from the outermost caller down.
// Fixed size, pure data structure; profile.c collects the chains and locks.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLTREE_NAME_MAX 60u /* bytes, with the terminating zero; longer names are cut */
#define CALLTREE_NAMES    1024u
#define CALLTREE_SLOTS    (2u * CALLTREE_NAMES) /* a power of two */
#define CALLTREE_NODES    4096u

struct calltree_node {
    uint16_t name;           /* index of its name */
    uint16_t parent;         /* 0: the root */
    uint16_t child, sibling; /* first callee; next callee of the same parent; 0: none */
    uint32_t count;          /* samples that ended in this node */
};

/** Empty if zeroed. Node 0 is the root, which has no name; name 0 stands for names for which there
 * was no room. */
struct calltree {
    uint32_t name_count, node_count; /* used, not counting index 0 */
    struct calltree_node nodes[CALLTREE_NODES];
    char names[CALLTREE_NAMES][CALLTREE_NAME_MAX];
    uint16_t slots[CALLTREE_SLOTS]; /* numbers of names, by hash; 0: free. Half of them are */
};

/** @brief Number of a function's name; equal names have equal numbers. @return 0: no room for
 *     another name. */
uint16_t calltree_name(struct calltree *t, const char *name);

/** @brief The node for a function called from `node`. @return `node` itself: no room, so the
 *     function counts as its caller. */
uint16_t calltree_enter(struct calltree *t, uint16_t node, uint16_t name);

/** @brief Count a sample that ended in this node. */
void calltree_count(struct calltree *t, uint16_t node);

/**
 * @brief The next node from *at on in which a sample ended, as "outermost;...;innermost".
 * @param at In: where to start, 0 at first. Out: after the node.
 * @param buf Receives the chain, without its outermost part if it does not fit.
 * @param len Bytes at buf, at least CALLTREE_NAME_MAX.
 * @return Its samples; 0: there are none left.
 */
uint32_t calltree_next(const struct calltree *t, uint32_t *at, char *buf, size_t len);
