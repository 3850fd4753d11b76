// SPDX-License-Identifier: MIT
//
// Chunks from the heap, each twice as large as the one before up to a limit, and a bump pointer.
#include "kernel/jit/arena.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define ALIGN       ((size_t)16)
#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MAX   ((size_t)1 << 20)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used; /* bytes, this header included */
    _Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.chunks = NULL, .used = 0, .limit = limit};
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunks, a->chunks == NULL ? 0 : a->chunks->used};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->chunks != mark.chunk) {
        struct arena_chunk *older = a->chunks->older;
        a->used -= a->chunks->size;
        heap_free(a->chunks);
        a->chunks = older;
    }
    if (a->chunks != NULL) {
        a->chunks->used = mark.chunk_used;
    }
}

void arena_free_all(struct arena *a)
{
    arena_release(a, (struct arena_mark){NULL, 0});
}

/* A chunk with room for this much; larger than the last if the limit lets it. */
static struct arena_chunk *add_chunk(struct arena *a, size_t bytes)
{
    size_t least = sizeof(struct arena_chunk) + bytes, left = a->limit - a->used;
    size_t wanted = a->chunks == NULL ? CHUNK_FIRST : MIN(2 * a->chunks->size, CHUNK_MAX);
    size_t size = MAX(MIN(wanted, left), least);
    if (least < bytes || size > left) {
        return NULL;
    }
    struct arena_chunk *chunk = heap_alloc(size);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct arena_chunk){.older = a->chunks, .size = size, .used = sizeof *chunk};
    a->chunks = chunk;
    a->used += size;
    return chunk;
}

/* Not cleared. */
static void *take(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN) {
        return NULL;
    }
    bytes = ALIGN_UP(bytes, ALIGN);
    struct arena_chunk *chunk = a->chunks;
    if (chunk == NULL || chunk->size - chunk->used < bytes) {
        chunk = add_chunk(a, bytes);
    }
    if (chunk == NULL) {
        return NULL;
    }
    void *p = (uint8_t *)chunk + chunk->used;
    chunk->used += bytes;
    return p;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    void *p = take(a, bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *arena_grow(struct arena *a, void *array, uint32_t *capacity, uint64_t needed, size_t element)
{
    if (needed <= *capacity) {
        return array;
    }
    uint64_t wanted = MAX(needed, MAX(2 * (uint64_t)*capacity, (uint64_t)16));
    size_t bytes;
    if (wanted > UINT32_MAX || __builtin_mul_overflow((size_t)wanted, element, &bytes)) {
        return NULL;
    }
    uint8_t *grown = take(a, bytes);
    if (grown == NULL) {
        return NULL;
    }
    size_t old = array == NULL ? 0 : *capacity * element;
    if (old > 0) {
        memcpy(grown, array, old);
    }
    memset(grown + old, 0, bytes - old);
    *capacity = (uint32_t)wanted;
    return grown;
}
