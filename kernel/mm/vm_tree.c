// SPDX-License-Identifier: MIT
//
// The extents of a region, ordered by address: a treap (a search tree balanced by random ranks).
// Every node stores the largest gap in its subtree, so the lowest gap that is large enough is found
// in O(log n).
#include "kernel/mm/vm_tree.h"

#include "kernel/lib/compiler.h"

/* Invariants: in-order traversal is ascending by address; a parent's rank is at least its
 * children's; r->gap is the free space between r and the extent before it (or the region's base);
 * r->gap_max is the maximum of r->gap and the gap_max of both children.
 *
 * Inserting or removing an extent changes the gap of that extent and of the one after it, and of no
 * other, so set_gap() runs for these two. update_up() repairs gap_max on the path to the root.
 * rotate_up() keeps the in-order sequence, hence all gaps, and updates gap_max of the two nodes
 * that it turns: the former parent first, because it becomes the child. */

#define WALK_MAX 256 /* deeper than any real treap: bounds a walk during a panic */

static uint64_t gap_max_of(const struct vm_extent *r)
{
    return r == NULL ? 0 : r->gap_max;
}

static void update(struct vm_extent *r)
{
    r->gap_max = MAX(r->gap, MAX(gap_max_of(r->left), gap_max_of(r->right)));
}

static void update_up(struct vm_extent *r)
{
    for (; r != NULL; r = r->parent) {
        update(r);
    }
}

static void replace_child(struct vm_tree *t, const struct vm_extent *old, struct vm_extent *with)
{
    struct vm_extent *parent = old->parent;
    if (parent == NULL) {
        t->root = with;
    } else if (parent->left == old) {
        parent->left = with;
    } else {
        parent->right = with;
    }
    if (with != NULL) {
        with->parent = parent;
    }
}

/* Turn the edge between r and its parent around. */
static void rotate_up(struct vm_tree *t, struct vm_extent *r)
{
    struct vm_extent *parent = r->parent;
    replace_child(t, parent, r);
    if (parent->left == r) {
        parent->left = r->right;
        if (r->right != NULL) {
            r->right->parent = parent;
        }
        r->right = parent;
    } else {
        parent->right = r->left;
        if (r->left != NULL) {
            r->left->parent = parent;
        }
        r->left = parent;
    }
    parent->parent = r;
    update(parent);
    update(r);
}

static struct vm_extent *leftmost(struct vm_extent *r)
{
    while (r != NULL && r->left != NULL) {
        r = r->left;
    }
    return r;
}

struct vm_extent *vm_tree_first(const struct vm_tree *t)
{
    return leftmost(t->root);
}

struct vm_extent *vm_tree_next(const struct vm_extent *r)
{
    if (r->right != NULL) {
        return leftmost(r->right);
    }
    while (r->parent != NULL && r->parent->right == r) {
        r = r->parent;
    }
    return r->parent;
}

static struct vm_extent *previous(const struct vm_extent *r)
{
    if (r->left != NULL) {
        struct vm_extent *p = r->left;
        while (p->right != NULL) {
            p = p->right;
        }
        return p;
    }
    while (r->parent != NULL && r->parent->left == r) {
        r = r->parent;
    }
    return r->parent;
}

static void set_gap(const struct vm_tree *t, struct vm_extent *r)
{
    const struct vm_extent *before = previous(r);
    r->gap = r->start - (before == NULL ? t->base : before->end);
}

void vm_tree_insert(struct vm_tree *t, struct vm_extent *r)
{
    t->used_end = MAX(t->used_end, r->end);
    struct vm_extent **link = &t->root, *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = r->start < parent->start ? &parent->left : &parent->right;
    }
    t->seed = t->seed * 1664525u + 1013904223u;
    r->rank = t->seed;
    r->left = r->right = NULL;
    r->parent = parent;
    *link = r;

    set_gap(t, r);
    struct vm_extent *after = vm_tree_next(r);
    if (after != NULL) {
        set_gap(t, after);
        update_up(after);
    }
    update_up(r);
    while (r->parent != NULL && r->parent->rank < r->rank) {
        rotate_up(t, r);
    }
}

void vm_tree_remove(struct vm_tree *t, struct vm_extent *r)
{
    struct vm_extent *after = vm_tree_next(r);
    while (r->left != NULL && r->right != NULL) {
        rotate_up(t, r->left->rank > r->right->rank ? r->left : r->right);
    }
    struct vm_extent *parent = r->parent;
    replace_child(t, r, r->left != NULL ? r->left : r->right);
    update_up(parent);
    if (after != NULL) {
        set_gap(t, after);
        update_up(after);
    }
    r->left = r->right = r->parent = NULL;
}

void vm_tree_replace(struct vm_tree *t, const struct vm_extent *old, struct vm_extent *with)
{
    struct vm_extent *spare_link = with->next;
    *with = *old;
    with->next = spare_link;
    if (with->left != NULL) {
        with->left->parent = with;
    }
    if (with->right != NULL) {
        with->right->parent = with;
    }
    replace_child(t, old, with);
}

/* The first aligned base at which `pages` with their guards fit into [from, from + gap). */
static bool fits(uint64_t from, uint64_t gap, const struct vm_request *q, uint64_t align,
                 uint64_t *base)
{
    uint64_t below = (uint64_t)q->guard_below * PAGE_SIZE, at, end;
    uint64_t need = (q->pages + q->guard_above) * PAGE_SIZE;
    if (ADD_OVERFLOWS(from, below + align - 1, &at)) {
        return false;
    }
    at &= ~(align - 1);
    if (ADD_OVERFLOWS(at, need, &end) || end > from + gap) {
        return false;
    }
    *base = at;
    return true;
}

/*
 * The lowest gap in which the request is certain to fit. A gap of `want` = size + guards +
 * alignment slack always suffices; smaller gaps that would fit by luck are skipped, so that one
 * descent is enough. If no gap is large enough, use the space after the last extent.
 */
bool vm_tree_find_gap(const struct vm_tree *t, const struct vm_request *q, uint64_t *base)
{
    uint64_t align = q->align == 0 ? PAGE_SIZE : q->align;
    uint64_t want = (q->guard_below + q->pages + q->guard_above) * PAGE_SIZE + (align - PAGE_SIZE);
    struct vm_extent *r = t->root;
    if (gap_max_of(r) >= want) {
        for (;;) {
            if (gap_max_of(r->left) >= want) {
                r = r->left;
            } else if (r->gap >= want) {
                return fits(r->start - r->gap, r->gap, q, align, base);
            } else {
                r = r->right;
            }
        }
    }
    const struct vm_extent *last = t->root;
    while (last != NULL && last->right != NULL) {
        last = last->right;
    }
    uint64_t from = last == NULL ? t->base : last->end;
    return fits(from, t->base + t->size - from, q, align, base);
}

struct vm_extent *vm_tree_find(const struct vm_tree *t, uint64_t va)
{
    struct vm_extent *r = t->root;
    for (unsigned steps = 0; r != NULL && steps < WALK_MAX; steps++) {
        if (va < r->start) {
            r = r->left;
        } else if (va >= r->end) {
            r = r->right;
        } else {
            return r;
        }
    }
    return NULL;
}

bool vm_tree_next_gap(const struct vm_tree *t, uint64_t from, uint64_t unit, uint64_t *base,
                      uint64_t *len)
{
    uint64_t at = MAX(from, t->base);
    /* Ends at whole units: the region may end less than a unit below the top of the address
     * space. */
    uint64_t top = ALIGN_DOWN(t->base + t->size, unit);
    uint64_t used_end = t->used_end < top ? ALIGN_UP(t->used_end, unit) : top;
    const struct vm_extent *r = vm_tree_first(t);
    for (; at < used_end; r = vm_tree_next(r)) {
        uint64_t first = ALIGN_UP(at, unit);
        uint64_t end = r == NULL ? used_end : MIN(ALIGN_DOWN(r->start, unit), used_end);
        if (first < end) {
            *base = first;
            *len = MIN(*len, end - first);
            return true;
        }
        if (r == NULL) {
            break;
        }
        at = MAX(at, r->end);
    }
    return false;
}
