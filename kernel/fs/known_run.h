// SPDX-License-Identifier: MIT
//
// The part of a file of which a file system knows where it is on the disk, for ext2 and FAT. Its
// cached pages are read without the file system's lock: many CPUs read then at a time, and a read
// needs few instructions.
#pragma once

#include "kernel/fs/page_cache.h"
#include "kernel/sched/rwlock.h"

/* Part of a file's node; fs_node.run points to it. file_read() reads cached bytes of the run here,
 * and only the rest through fs_ops.read().
 * Field protection:  [I] set before the node is used   [o] the file system's lock, to change it */
struct known_run {
    struct page_cache *cache; /* [I] */
    /* Held for reading while the file's blocks are read without the file system's lock, and for
     * writing while blocks of a file in use are freed. It is taken before that lock. */
    struct rwlock moving;
    /* [o] odd while the file is written, or the words below change. Release pairs with the acquire
     * of readers without the lock. */
    _Atomic uint32_t version;
    /* [o] the run that was found last, in bytes of the file that are known to exist; its bytes are
     * `shift` further on the device. Empty: none, or the blocks were freed. A run has no holes, so
     * a write does not change it. Relaxed: `version` orders them. */
    _Atomic uint64_t begin, end, shift;
    /* Offset where a sequential reader would continue. Relaxed: a wrong one costs only time. */
    _Atomic uint64_t next_read;
};

/** @brief Prepare the run of a new node, which is zero. @param name As for rwlock_init(). */
static inline void known_run_init(struct known_run *r, struct page_cache *c, const char *name)
{
    r->cache = c;
    rwlock_init(&r->moving, name);
}

/** Between reads of this many bytes, or a page more, the file system checks whether the reader's
 * program is ending. */
#define KNOWN_RUN_MAX ((size_t)1 << 20)

/**
 * @brief Copy bytes of cached pages that the run has, without the file system's lock.
 * @return how many, up to `len`: as far as the run, the cached pages, or KNOWN_RUN_MAX go; 0: the
 *     file changes, or is not known or not cached there.
 * @context{thread, may sleep; without the file system's lock}
 */
size_t known_run_read(struct known_run *r, uint64_t off, void *buf, size_t len);

/** @brief A file's contents, or its run, change between this and known_run_end_change(). A reader
 *     without the lock that comes meanwhile reads again with it. @context{thread, the file
 *     system's lock} */
static inline void known_run_begin_change(struct known_run *r)
{
    uint32_t version = atomic_load_explicit(&r->version, memory_order_relaxed);
    atomic_store_explicit(&r->version, version + 1, memory_order_relaxed);
    /* The changes come after it. Pairs with the fence of the reader. */
    atomic_thread_fence(memory_order_release);
}

static inline void known_run_end_change(struct known_run *r)
{
    uint32_t version = atomic_load_explicit(&r->version, memory_order_relaxed);
    atomic_store_explicit(&r->version, version + 1, memory_order_release);
}

/** @brief True if nothing has changed since the reader loaded `version`. @context{thread} */
static inline bool known_run_is_unchanged(const struct known_run *r, uint32_t version)
{
    /* It keeps all reads before it ahead of this look at the version. Pairs with
     * known_run_begin_change(). */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&r->version, memory_order_relaxed) == version;
}

/** @brief Remember a run. @param at Byte of its begin on the device. @context{thread, the file
 *     system's lock; not in a change} */
static inline void known_run_set(struct known_run *r, uint64_t begin, uint64_t end, uint64_t at)
{
    known_run_begin_change(r);
    atomic_store_explicit(&r->begin, begin, memory_order_relaxed);
    atomic_store_explicit(&r->end, end, memory_order_relaxed);
    atomic_store_explicit(&r->shift, at - begin, memory_order_relaxed);
    known_run_end_change(r);
}

/** @brief Forget the run: its blocks may soon be another file's. The caller keeps readers without
 *     the lock out. @context{thread, the file system's lock} */
static inline void known_run_forget(struct known_run *r)
{
    atomic_store_explicit(&r->end, 0, memory_order_relaxed);
}

/**
 * @brief Where a byte of the file is on the device, if all of `len` bytes from it on are in the
 *     run. Without the lock the result holds only if the version is the same before and after.
 * @context{thread}
 */
static inline bool known_run_find(const struct known_run *r, uint64_t off, uint64_t len,
                                  uint64_t *byte)
{
    uint64_t end = atomic_load_explicit(&r->end, memory_order_relaxed);
    *byte = off + atomic_load_explicit(&r->shift, memory_order_relaxed);
    return off >= atomic_load_explicit(&r->begin, memory_order_relaxed) && off < end &&
           len <= end - off;
}

/** @brief True if a sequential reader would come to this offset next. @context{any} */
static inline bool known_run_is_next(const struct known_run *r, uint64_t off)
{
    return off == atomic_load_explicit(&r->next_read, memory_order_relaxed);
}

/** @brief A read has ended at this offset. @context{any} */
static inline void known_run_note_read(struct known_run *r, uint64_t off)
{
    atomic_store_explicit(&r->next_read, off, memory_order_relaxed);
}
