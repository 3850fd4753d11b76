// SPDX-License-Identifier: MIT
//
// The nodes in use of an ext2 file system: a hash table by the inode's number.
#include "kernel/fs/ext2_internal.h"

#include "kernel/mm/heap.h"

/* Inodes of one directory have numbers in a row, so the lower bits spread them well. The table
 * doubles when its buckets have two nodes on average. It does not shrink before it is freed: a
 * bucket is 8 bytes, and most nodes that were in use stay as kept names. */

void ext2_nodes_init(struct ext2_node_table *t)
{
    *t = (struct ext2_node_table){.buckets = t->first, .mask = EXT2_NODE_BUCKETS - 1};
}

void ext2_nodes_free(struct ext2_node_table *t)
{
    if (t->buckets != t->first) {
        heap_free(t->buckets);
    }
}

static struct ext2_node **bucket_of(const struct ext2_node_table *t, uint64_t inode)
{
    return &t->buckets[inode & t->mask];
}

struct ext2_node *ext2_nodes_find(const struct ext2_node_table *t, uint64_t inode)
{
    struct ext2_node *n = *bucket_of(t, inode);
    while (n != NULL && n->node.id != inode) {
        n = n->next;
    }
    return n;
}

static void push(struct ext2_node_table *t, struct ext2_node *n)
{
    struct ext2_node **at = bucket_of(t, n->node.id);
    n->next = *at;
    *at = n;
}

/* Without memory the lists only become longer. */
static void grow(struct ext2_node_table *t)
{
    uint32_t old_buckets = t->mask + 1;
    struct ext2_node **old = t->buckets;
    struct ext2_node **more = heap_zalloc(2 * (size_t)old_buckets * sizeof(struct ext2_node *));
    if (more == NULL) {
        return;
    }
    t->buckets = more;
    t->mask = 2 * old_buckets - 1;
    for (uint32_t i = 0; i < old_buckets; i++) {
        for (struct ext2_node *n = old[i], *next; n != NULL; n = next) {
            next = n->next;
            push(t, n);
        }
    }
    if (old != t->first) {
        heap_free(old);
    }
}

void ext2_nodes_add(struct ext2_node_table *t, struct ext2_node *n)
{
    if (t->count >= 2 * (t->mask + 1)) {
        grow(t);
    }
    push(t, n);
    n->is_listed = true;
    t->count++;
}

void ext2_nodes_remove(struct ext2_node_table *t, struct ext2_node *n)
{
    if (n->is_listed) {
        struct ext2_node **at = bucket_of(t, n->node.id);
        while (*at != n) {
            at = &(*at)->next;
        }
        *at = n->next;
        n->is_listed = false;
        t->count--;
    }
}

struct ext2_node *ext2_nodes_next(const struct ext2_node_table *t, const struct ext2_node *n)
{
    if (n != NULL && n->next != NULL) {
        return n->next;
    }
    for (uint64_t i = n != NULL ? (n->node.id & t->mask) + 1 : 0; i <= t->mask; i++) {
        if (t->buckets[i] != NULL) {
            return t->buckets[i];
        }
    }
    return NULL;
}
