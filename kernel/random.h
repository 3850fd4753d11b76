// SPDX-License-Identifier: MIT
//
// Random bytes that cannot be predicted: a ChaCha20 generator that forgets its key at every use,
// seeded from whatever sources there are. With none it works all the same, from the jitter of the
// counter, and says so.
#pragma once

#include "kernel/lib/status.h"
#include "kernel/sched/pinned_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that each source is asked for when the generator is seeded. */
#define RANDOM_SEED_BYTES 32u

#define ENTROPY_NAME_MAX 40

/** Where entropy comes from. Its owner zeroes the struct, sets name and read, and keeps it from
 *  random_add_source() to random_remove_source(). */
struct entropy_source {
    char name[ENTROPY_NAME_MAX]; /* "virtio_rng 0000:00:03.0" */
    /**
     * @brief Give up to len bytes. One call at a time. May sleep, for a second or so at most.
     * @param len  1 to RANDOM_SEED_BYTES.
     * @param got  Receives how many, 1 to len.
     * @return OK; anything else: none, and `random` shows it.
     */
    enum status (*read)(struct entropy_source *self, uint8_t *buf, size_t len, size_t *got);
    /* The rest is the generator's. */
    struct pinned_node node;
    uint64_t asked, given; /* bytes; written by who seeds */
    uint64_t failures;
    enum status last_error; /* of the last failure */
};

struct boot_seed;

/** @brief Seed from what is there at once: the loader's bytes, which are cleared, the CPU's, and
 * the counter's jitter: random_bytes() may be called from then on. @return false: there was jitter
 * only. @context{early, once} */
bool random_early_init(struct boot_seed *loaders);

/** @brief The CPU, if it makes random bytes, becomes a source, and is asked. @context{thread, once}
 */
void random_init(void);

/** @brief Add a source; the next random_fill() asks it. @context{thread} */
void random_add_source(struct entropy_source *s);

/** @brief Take a source back; nobody is in its `read` on return. @context{thread, may sleep} */
void random_remove_source(struct entropy_source *s);

/** @brief Random bytes, never late and never none. @context{any, IRQ-safe, does not sleep} */
void random_bytes(void *buf, size_t len);

/** @brief As random_bytes(), after asking the sources if that is due: one is new, a mebibyte was
 *  given since, or five minutes have passed. @context{thread, may sleep} */
void random_fill(void *buf, size_t len);

/** @brief Ask every source now. @return bytes that they gave; 0 also if somebody else is at it.
 *  @context{thread, may sleep} */
size_t random_reseed(void);

struct random_source_info {
    char name[ENTROPY_NAME_MAX];
    uint64_t asked, given, failures;
    enum status last_error; /* OK: none yet */
};

/** @brief The i-th source. Nothing of it is held on return: who prints it on a console that takes
 * nothing does not hold up the source's removal. @return false past the end. @context{thread} */
bool random_get_source(uint32_t i, struct random_source_info *out);

struct random_stats {
    uint64_t asked, given; /* bytes of sources, those that are gone included */
    uint64_t reseeds;      /* times that sources gave any */
    uint64_t produced;     /* bytes for whoever wanted some */
    uint32_t loaders;      /* bytes that the boot loader gave */
    bool is_jitter_only;   /* neither it nor sources gave a whole seed so far */
};
void random_get_stats(struct random_stats *out);
