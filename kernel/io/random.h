// SPDX-License-Identifier: MIT
//
// Unpredictable random bytes: a ChaCha20 generator that replaces its key at every use, seeded
// from all available sources. Without a source it is seeded from the counter's jitter only,
// and logs that.
#pragma once

#include "kernel/lib/status.h"
#include "kernel/sched/pinned_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes read from each source to seed the generator. */
#define RANDOM_SEED_BYTES 32u

#define ENTROPY_NAME_MAX 40

/** An entropy source. Its owner zeroes the struct, sets name and read, and keeps it from
 * random_add_source() to random_remove_source(). */
struct entropy_source {
    char name[ENTROPY_NAME_MAX]; /* "virtio_rng 0000:00:03.0" */
    /**
     * @brief Read up to len bytes. One call at a time. May sleep, for about a second at most.
     * @param len 1 to RANDOM_SEED_BYTES.
     * @param got Set to the number of bytes, 1 to len.
     * @return OK; any error: no bytes, and `random` shows the error.
     */
    enum status (*read)(struct entropy_source *self, uint8_t *buf, size_t len, size_t *got);
    /* Private to the generator. */
    struct pinned_node node;
    uint64_t asked, given; /* bytes; written by the thread that seeds */
    uint64_t failures;
    enum status last_error; /* of the last failure */
};

struct boot_seed;

/** @brief Seed from the sources available at once: the loader's bytes, which are cleared, the
 *     CPU's, and the counter's jitter. random_bytes() may be called from then on. @return false:
 *     there was only jitter. @context{early, once} */
bool random_early_init(struct boot_seed *loaders);

/** @brief Add the CPU as a source if it has random bytes, and reseed. @context{thread, once} */
void random_init(void);

/** @brief Add a source; the next random_fill() reads it. @context{thread} */
void random_add_source(struct entropy_source *s);

/** @brief Remove a source; no thread is in its `read` after the return.
 * @context{thread, may sleep} */
void random_remove_source(struct entropy_source *s);

/** @brief Fill the buffer with random bytes; always succeeds at once. @context{any, IRQ-safe, does
 *     not sleep} */
void random_bytes(void *buf, size_t len);

/** @brief As random_bytes(), after reading the sources if that is due: one is new, a mebibyte was
 *     produced since, or five minutes have passed. @context{thread, may sleep} */
void random_fill(void *buf, size_t len);

/** @brief Read every source now. @return bytes that they delivered; 0 also if another thread is
 *     reseeding.
 * @context{thread, may sleep} */
size_t random_reseed(void);

struct random_source_info {
    char name[ENTROPY_NAME_MAX];
    uint64_t asked, given, failures;
    enum status last_error; /* OK: none yet */
};

/** @brief Copy the i-th source's data. Holds nothing on return, so a caller that prints to a
 *     blocked console does not delay the source's removal. @return false past the end.
 *     @context{thread} */
bool random_get_source(uint32_t i, struct random_source_info *out);

struct random_stats {
    uint64_t asked, given; /* bytes of all sources, including removed ones */
    uint64_t reseeds;      /* number of reseeds that delivered any bytes */
    uint64_t produced;     /* bytes produced for callers */
    uint32_t loaders;      /* bytes from the boot loader */
    bool is_jitter_only;   /* neither loader nor sources have delivered a whole seed so far */
};
void random_get_stats(struct random_stats *out);
