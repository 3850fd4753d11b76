// SPDX-License-Identifier: MIT
//
// The random number generator: ChaCha20 (RFC 8439) with a key that each use replaces.
#include "kernel/io/random.h"

#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/entropy.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/chacha20.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"

/* Each use computes one block with the current key. The first half becomes the next key before any
 * output leaves, so reading the kernel's memory later does not reveal earlier output. The second
 * half is the output, or the key for a longer output.
 *
 * Entropy is XORed into the key, and a block then replaces the key. A malicious source can add
 * nothing to what an attacker knows and cannot remove what the attacker does not know.
 *
 * random_bytes() never waits for a source: it only uses the key, under a spinlock, and so works in
 * interrupts. Sources may sleep; they are read under the mutex `seeding` by one thread at a time,
 * and random_fill() skips reseeding if another thread does it. */

#define RESEED_BYTES ((uint64_t)1 << 20)
#define RESEED_NS    (300 * NS_PER_S)

#define JITTER_SAMPLES 64u
#define JITTER_STRIDE  16u /* words between two accesses to memory */

/* Most bytes from one key: a block's counter has 32 bits. */
#define STREAM_MAX ((size_t)1 << 30)

/* Field protection:  [l] lock   [s] seeding   relaxed: statistics */
static struct {
    struct spinlock lock;
    uint8_t key[CHACHA20_KEY_BYTES]; /* [l] */
    uint64_t produced_since;         /* [l] bytes since the sources were last read */
    struct mutex seeding;
    _Atomic uint64_t seeded_ns;    /* relaxed; written by the thread that seeds */
    _Atomic uint64_t asked, given; /* relaxed */
    _Atomic uint64_t reseeds;      /* relaxed */
    _Atomic uint64_t produced;     /* relaxed */
    _Atomic uint64_t seed_bytes;   /* relaxed; bytes from sources other than jitter */
    uint32_t loaders;              /* set by random_init() */
    _Atomic bool has_new;          /* relaxed; a source was added since the last reseed */
} generator = {.lock = SPINLOCK_INIT, .seeding = MUTEX_INIT(generator.seeding, "random seed")};

static struct pinned_list sources = PINNED_LIST_INIT(sources, "entropy source in use");

static uint64_t load_count(_Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static void add_count(_Atomic uint64_t *p, uint64_t n)
{
    atomic_fetch_add_explicit(p, n, memory_order_relaxed);
}

/* Through a volatile pointer, because the compiler would remove a memset just before the end
 * of a function. */
static void wipe(void *p, size_t len)
{
    volatile uint8_t *b = p;
    while (len-- > 0) {
        *b++ = 0;
    }
}

/* Replace the key; `half` receives the other 32 bytes of the block. The counter is not secret, but
 * makes two machines that continue from one snapshot diverge. */
static void step_locked(uint8_t half[CHACHA20_KEY_BYTES]) REQUIRES(generator.lock)
{
    uint8_t nonce[CHACHA20_NONCE_BYTES] = {0};
    uint8_t block[CHACHA20_BLOCK_BYTES];
    store_le64(nonce, hal_counter_read());
    chacha20_block(generator.key, 0, nonce, block);
    memcpy(generator.key, block, CHACHA20_KEY_BYTES);
    memcpy(half, block + CHACHA20_KEY_BYTES, CHACHA20_KEY_BYTES);
    wipe(block, sizeof(block));
}

static void mix(const uint8_t *bytes, size_t len)
{
    uint8_t unused[CHACHA20_KEY_BYTES];
    while (len > 0) {
        size_t n = MIN(len, (size_t)CHACHA20_KEY_BYTES);
        irq_state_t state = spin_lock_irq(&generator.lock);
        for (size_t i = 0; i < n; i++) {
            generator.key[i] ^= bytes[i];
        }
        step_locked(unused);
        spin_unlock_irq(&generator.lock, state);
        bytes += n;
        len -= n;
    }
    wipe(unused, sizeof(unused));
}

/* The last resort: the time that a few instructions take always varies slightly. */
static void mix_jitter(void)
{
    static volatile uint64_t scratch[4 * JITTER_STRIDE];
    uint64_t samples[JITTER_SAMPLES];
    uint64_t last = hal_counter_read();
    for (unsigned i = 0; i < JITTER_SAMPLES; i++) {
        scratch[(last ^ i) % ARRAY_COUNT(scratch)] += last;
        uint64_t now = hal_counter_read();
        samples[i] = now << 32 ^ (now - last);
        last = now;
    }
    mix((const uint8_t *)samples, sizeof(samples));
    wipe(samples, sizeof(samples));
}

static void copy_stream(const uint8_t key[CHACHA20_KEY_BYTES], uint8_t *out, size_t len)
{
    static const uint8_t nonce[CHACHA20_NONCE_BYTES];
    uint8_t block[CHACHA20_BLOCK_BYTES];
    for (uint32_t counter = 0; len > 0; counter++) {
        size_t n = MIN(len, sizeof(block));
        chacha20_block(key, counter, nonce, block);
        memcpy(out, block, n);
        out += n;
        len -= n;
    }
    wipe(block, sizeof(block));
}

void random_bytes(void *buf, size_t len)
{
    uint8_t *out = buf;
    uint8_t half[CHACHA20_KEY_BYTES];
    add_count(&generator.produced, len);
    do {
        size_t n = MIN(len, STREAM_MAX);
        irq_state_t state = spin_lock_irq(&generator.lock);
        step_locked(half);
        generator.produced_since += n;
        spin_unlock_irq(&generator.lock, state);
        if (n <= sizeof(half)) {
            memcpy(out, half, n);
        } else {
            copy_stream(half, out, n);
        }
        out += n;
        len -= n;
    } while (len > 0);
    wipe(half, sizeof(half));
}

static struct entropy_source *next_source(struct entropy_source *from)
{
    struct pinned_node *n = pinned_next(&sources, from == NULL ? NULL : &from->node);
    return n == NULL ? NULL : CONTAINER_OF(n, struct entropy_source, node);
}

/* Read until the seed is complete or the source has no more bytes. */
static size_t read_source_locked(struct entropy_source *s) REQUIRES(generator.seeding)
{
    uint8_t seed[RANDOM_SEED_BYTES];
    size_t used = 0;
    enum status result = OK;
    while (used < sizeof(seed) && result == OK) {
        size_t got = 0;
        result = s->read(s, seed + used, sizeof(seed) - used, &got);
        if (result == OK) {
            ASSERT(got > 0 && got <= sizeof(seed) - used);
            used += got;
        }
    }
    if (result != OK) {
        s->failures++;
        s->last_error = result;
    }
    s->asked += sizeof(seed);
    s->given += used;
    add_count(&generator.asked, sizeof(seed));
    add_count(&generator.given, used);
    mix(seed, used);
    wipe(seed, sizeof(seed));
    return used;
}

static size_t read_all_locked(void) REQUIRES(generator.seeding)
{
    size_t total = 0;
    atomic_store_explicit(&generator.has_new, false, memory_order_relaxed);
    for (struct entropy_source *s = NULL; (s = next_source(s)) != NULL;) {
        total += read_source_locked(s);
    }
    irq_state_t state = spin_lock_irq(&generator.lock);
    generator.produced_since = 0;
    spin_unlock_irq(&generator.lock, state);
    atomic_store_explicit(&generator.seeded_ns, clock_now_ns(), memory_order_relaxed);
    if (total > 0) {
        add_count(&generator.reseeds, 1);
        add_count(&generator.seed_bytes, total);
    }
    return total;
}

size_t random_reseed(void)
{
    /* If another thread is reseeding there is no need to wait: the generator is as good as
     * before. */
    if (!mutex_try_lock(&generator.seeding)) {
        return 0;
    }
    size_t total = read_all_locked();
    mutex_unlock(&generator.seeding);
    return total;
}

static bool is_due(void)
{
    if (atomic_load_explicit(&generator.has_new, memory_order_relaxed)) {
        return true;
    }
    irq_state_t state = spin_lock_irq(&generator.lock);
    bool has_given_much = generator.produced_since >= RESEED_BYTES;
    spin_unlock_irq(&generator.lock, state);
    return has_given_much || clock_now_ns() - load_count(&generator.seeded_ns) >= RESEED_NS;
}

void random_fill(void *buf, size_t len)
{
    if (is_due()) {
        (void)random_reseed();
    }
    random_bytes(buf, len);
}

void random_add_source(struct entropy_source *s)
{
    s->asked = s->given = s->failures = 0;
    s->last_error = OK;
    pinned_add(&sources, &s->node);
    atomic_store_explicit(&generator.has_new, true, memory_order_relaxed);
}

void random_remove_source(struct entropy_source *s)
{
    pinned_remove(&sources, &s->node);
}

bool random_get_source(uint32_t i, struct random_source_info *out)
{
    struct entropy_source *s = next_source(NULL);
    while (s != NULL && i-- > 0) {
        s = next_source(s);
    }
    if (s == NULL) {
        return false;
    }
    *out = (struct random_source_info){
        .asked = s->asked, .given = s->given, .failures = s->failures, .last_error = s->last_error};
    memcpy(out->name, s->name, sizeof(out->name));
    pinned_put(&sources, &s->node);
    return true;
}

void random_get_stats(struct random_stats *out)
{
    *out = (struct random_stats){
        .asked = load_count(&generator.asked),
        .given = load_count(&generator.given),
        .reseeds = load_count(&generator.reseeds),
        .produced = load_count(&generator.produced),
        .loaders = generator.loaders,
        .is_jitter_only = load_count(&generator.seed_bytes) < RANDOM_SEED_BYTES,
    };
}

static enum status read_cpu(struct entropy_source *self, uint8_t *buf, size_t len, size_t *got)
{
    (void)self;
    size_t n = hal_entropy(buf, len);
    if (n == 0) {
        return E_AGAIN;
    }
    *got = n;
    return OK;
}

/* List the CPU as a source if it delivers random bytes now. */
static void add_cpu(void)
{
    static struct entropy_source cpu = {.name = "CPU", .read = read_cpu};
    uint8_t probe[8];
    if (hal_entropy(probe, sizeof(probe)) > 0) {
        mix(probe, sizeof(probe));
        random_add_source(&cpu);
    }
}

bool random_early_init(struct boot_seed *loaders)
{
    uint8_t cpu[CHACHA20_KEY_BYTES];
    mix_jitter();
    size_t of_cpu = hal_entropy(cpu, sizeof(cpu));
    mix(cpu, of_cpu);
    wipe(cpu, sizeof(cpu));
    bool is_seeded = of_cpu > 0 || loaders->len > 0;
    mix(loaders->bytes, loaders->len);
    generator.loaders = loaders->len;
    add_count(&generator.seed_bytes, loaders->len);
    wipe(loaders->bytes, sizeof(loaders->bytes));
    loaders->len = 0;
    return is_seeded;
}

void random_init(void)
{
    add_cpu();
    (void)random_reseed();

    struct random_stats stats;
    random_get_stats(&stats);
    if (stats.is_jitter_only) {
        log_info("random", "no entropy source: seeded from timer jitter only");
    }
}
