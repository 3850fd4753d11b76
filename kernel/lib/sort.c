// SPDX-License-Identifier: MIT
//
// Heap sort, after a test whether the array is sorted already: most tables are.
#include "kernel/lib/sort.h"

struct array {
    char *base;
    size_t size;
    bool (*less)(const void *a, const void *b);
};

static void swap(const struct array *a, size_t i, size_t j)
{
    char *p = a->base + i * a->size;
    char *q = a->base + j * a->size;
    for (size_t n = 0; n < a->size; n++) {
        char t = p[n];
        p[n] = q[n];
        q[n] = t;
    }
}

static bool is_less(const struct array *a, size_t i, size_t j)
{
    return a->less(a->base + i * a->size, a->base + j * a->size);
}

/* Make the tree below i a heap; both of its subtrees are heaps already. */
static void sift_down(const struct array *a, size_t i, size_t count)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_less(a, child, child + 1)) {
            child++;
        }
        if (!is_less(a, i, child)) {
            return;
        }
        swap(a, i, child);
        i = child;
    }
}

static bool is_sorted(const struct array *a, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (is_less(a, i, i - 1)) {
            return false;
        }
    }
    return true;
}

/* The first loop makes the whole array a heap, with the largest element first. The second moves the
 * largest element to the end, after the rest of the heap, and repairs the heap. It needs no memory
 * and no recursion, and no order of the elements makes it slow, so it is safe for data from
 * outside. Equal elements may change their order. */
void sort_array(void *base, size_t count, size_t size, bool (*less)(const void *a, const void *b))
{
    struct array a = {base, size, less};
    if (is_sorted(&a, count)) {
        return;
    }
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(&a, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        swap(&a, 0, end - 1);
        sift_down(&a, 0, end - 1);
    }
}
