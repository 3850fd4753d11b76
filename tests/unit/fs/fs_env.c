// SPDX-License-Identifier: MIT
//
// See the header. Linked into a test before the core library, so that the
// library's own versions are not used.
#include "fs/fs_env.h"

#include "hal/cpu.h"
#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/tty/console.h"
#include "kernel/sched/thread.h"
#include "kernel/base/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/rwlock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct env_disk env_disk;
/* defined for hal/cpu.h, without the rest of the fake machine */
struct hal_cpu fake_cpu = {.self = &fake_cpu};
struct hal_cpu *fake_this_cpu = &fake_cpu;
int env_allocations_left = -1;
uint64_t env_pages = 64;

static size_t live;
static char last_log[512];
static char console_text[4096];

const char *env_last_log(void)
{
    return last_log;
}

const char *env_console_text(void)
{
    return console_text;
}

size_t env_live_objects(void)
{
    return live;
}

static size_t largest_zeroed;

void env_reset(void)
{
    largest_zeroed = 0;
    last_log[0] = '\0';
    console_text[0] = '\0';
    env_allocations_left = -1;
    ext2_enable_ext4();
    ext2_enable_writing();
}

bool env_is_short;
static void (*free_cached[4])(void); /* NULL after the last one */

bool env_may_allocate(void)
{
    if (env_is_short) {
        env_reclaim();
    }
    if (env_allocations_left == 0) {
        return false;
    }
    if (env_allocations_left > 0) {
        env_allocations_left--;
    }
    live++;
    return true;
}

void *heap_alloc(size_t size)
{
    return env_may_allocate() ? malloc(size) : NULL;
}

void *heap_zalloc(size_t size)
{
    if (!env_may_allocate()) {
        return NULL;
    }
    largest_zeroed = size > largest_zeroed ? size : largest_zeroed;
    return calloc(1, size);
}

void *heap_realloc(void *p, size_t size)
{
    if (p != NULL) {
        live--;
    }
    if (!env_may_allocate()) {
        live += p != NULL;
        return NULL;
    }
    void *q = size > (size_t)1 << 40 ? NULL : realloc(p, size);
    if (q == NULL) {
        live -= p == NULL;
    }
    return q;
}

size_t env_largest_zeroed(void)
{
    return largest_zeroed;
}

void *heap_calloc(size_t count, size_t size)
{
    if (!env_may_allocate()) {
        return NULL;
    }
    return calloc(count, size);
}

char *heap_strdup(const char *s)
{
    char *copy = heap_alloc(strlen(s) + 1);
    return copy != NULL ? strcpy(copy, s) : NULL;
}

void heap_free(void *p)
{
    live -= p != NULL;
    free(p);
}

void env_forget_object(void)
{
    live--;
}

/* No CPU has cached pages, so page_alloc() and page_free() call the functions here. */
struct page_states page_states;

void *hal_magazine_pop(size_t unused, size_t kind)
{
    (void)unused;
    (void)kind;
    return NULL;
}

void hal_magazine_push(void *object, size_t kind)
{
    (void)object;
    (void)kind;
    abort();
}

enum status page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out)
{
    (void)owner;
    if (order != 0 || !env_may_allocate()) {
        return E_NOMEM;
    }
    void *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    if (page == NULL) {
        abort();
    }
    memset(page, 0xa5, PAGE_SIZE); /* not zeroes, which a caller must not expect */
    *out = paddr((uintptr_t)page - HAL_DIRECT_BASE);
    return OK;
}

enum status page_alloc_zeroed(enum page_owner owner, paddr_t *out)
{
    enum status s = page_alloc(0, owner, out);
    if (s == OK) {
        memset(hal_direct(*out), 0, PAGE_SIZE);
    }
    return s;
}

/* ASan looks. */
void page_poison_given(paddr_t base, unsigned order)
{
    (void)base;
    (void)order;
}

void page_poison_taken(paddr_t base, size_t pages)
{
    (void)base;
    (void)pages;
}

void page_free_any(paddr_t base, unsigned order)
{
    (void)order;
    live--;
    free(hal_direct(base));
}

void page_get_stats(struct page_stats *out)
{
    *out = (struct page_stats){.total_pages = env_pages};
}

static void die(const char *why)
{
    fprintf(stderr, "fs_env: %s\n", why);
    abort();
}

/* A lock's owner may be any value but NULL. */
static struct thread *const someone = (struct thread *)64;

void mutex_init(struct mutex *m, const char *name)
{
    memset(m, 0, sizeof(*m));
    m->queue.name = name;
}

void mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    if (m->owner != NULL) {
        die("a lock is taken twice");
    }
    if (fake_cpu.preempt_off != 0) {
        die("a read section waits for a lock");
    }
    m->owner = someone;
}

bool mutex_try_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    bool is_free = m->owner == NULL;
    m->owner = is_free ? someone : m->owner;
    return is_free;
}

void mutex_unlock(struct mutex *m) NO_LOCK_ANALYSIS
{
    if (m->owner == NULL) {
        die("a lock is given back that nobody has");
    }
    m->owner = NULL;
}

void spin_lock(struct spinlock *l) NO_LOCK_ANALYSIS
{
    if (l->word != 0) {
        die("a spinlock is taken twice");
    }
    l->word = 1;
}

void spin_unlock(struct spinlock *l) NO_LOCK_ANALYSIS
{
    if (l->word != 1) {
        die("a spinlock is given back that nobody has");
    }
    l->word = 0;
}

irq_state_t spin_lock_irq(struct spinlock *l) NO_LOCK_ANALYSIS
{
    spin_lock(l);
    return (irq_state_t){0};
}

void spin_unlock_irq(struct spinlock *l, irq_state_t state) NO_LOCK_ANALYSIS
{
    (void)state;
    spin_unlock(l);
}

/* There is one thread, so no read section is in progress. */
void rcu_call_later(struct rcu_call *c)
{
    c->run(c);
}

void rcu_hurry(void)
{
}

void rcu_synchronize(void)
{
}

void preempt_if_possible(void)
{
}

void rwlock_init(struct rwlock *l, const char *name)
{
    memset(l, 0, sizeof(*l));
    l->queue.name = name;
}

void rwlock_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    rwlock_write(l);
}

void rwlock_end_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    rwlock_end_write(l);
}

void rwlock_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    if (l->word != 0) {
        die("a reader-writer lock is taken twice");
    }
    l->word = 2;
}

void rwlock_end_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    if (l->word != 2) {
        die("a reader-writer lock is given back that nobody has");
    }
    l->word = 0;
}

/* The write-back thread never runs: a test calls what it would. */
enum status thread_create(const struct thread_options *options, struct thread **out)
{
    (void)options;
    *out = someone;
    return OK;
}

void thread_detach(struct thread *t)
{
    (void)t;
}

bool wait_wake_one_locked(struct wait_queue *q)
{
    (void)q;
    return false;
}

enum status wait_on_locked(struct wait_queue *q, irq_state_t *state, uint64_t deadline_ns)
{
    (void)q, (void)state, (void)deadline_ns;
    die("a wait that nothing will end");
    return E_TIMEDOUT;
}

void memory_reclaim_caches(void (*free_clean)(void))
{
    for (size_t i = 0; i < sizeof(free_cached) / sizeof(free_cached[0]); i++) {
        if (free_cached[i] == NULL || free_cached[i] == free_clean) {
            free_cached[i] = free_clean;
            return;
        }
    }
    die("too many caches");
}

void env_reclaim(void)
{
    for (size_t i = 0; i < sizeof(free_cached) / sizeof(free_cached[0]) && free_cached[i] != NULL;
         i++) {
        free_cached[i]();
    }
}

size_t env_settled_objects(void)
{
    env_reclaim();
    return env_live_objects();
}

void completion_init(struct completion *c, const char *name)
{
    memset(c, 0, sizeof(*c));
    c->queue.name = name;
}

void completion_signal(struct completion *c)
{
    c->done = true;
}

enum status completion_wait_uncancellable(struct completion *c, uint64_t deadline_ns)
{
    (void)deadline_ns;
    if (!c->done) {
        die("a wait that nothing will end");
    }
    return OK;
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    (void)level;
    va_list args;
    va_start(args, fmt);
    int n = snprintf(last_log, sizeof(last_log), "%s: ", area);
    vsnprintf(last_log + n, sizeof(last_log) - (size_t)n, fmt, args);
    va_end(args);
}

void panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    die("panic");
    abort();
}

/* Weak: other environments have one, too. */
__attribute__((weak)) uint64_t clock_now_ns(void)
{
    return 10 * NS_PER_S;
}

uint64_t env_wall_ns = 1000 * NS_PER_S;

bool clock_wall_ns(uint64_t *out)
{
    *out = env_wall_ns;
    return true;
}

void console_write(const char *s, size_t len)
{
    size_t at = strlen(console_text);
    if (len >= sizeof(console_text) - at) {
        die("too much console text");
    }
    memcpy(console_text + at, s, len);
    console_text[at + len] = '\0';
}

enum status console_write_job(const char *s, size_t len)
{
    const struct thread *self = thread_current();
    if (self != NULL && thread_is_cancelled(self)) {
        return E_CANCELLED;
    }
    console_write(s, len);
    return OK;
}

enum status console_wait_job(uint64_t deadline_ns)
{
    (void)deadline_ns;
    return OK;
}

struct wait_queue *console_input_queue(void)
{
    return NULL;
}

bool console_is_framed(void)
{
    return false;
}

static enum foreground_mode mode;

int console_set_mode(enum foreground_mode new)
{
    int before = (int)mode;
    mode = new;
    return before;
}

enum foreground_mode console_get_mode(void)
{
    return mode;
}

/* As a screen, which knows it. */
enum status console_get_size(bool may_ask, unsigned *columns, unsigned *rows)
{
    (void)may_ask;
    *columns = 80;
    *rows = 25;
    return OK;
}

int console_read_job(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    (void)deadline_ns;
    static const char line[] = "typed\n";
    size_t n = len < sizeof(line) - 1 ? len : sizeof(line) - 1;
    memcpy(buf, line, n);
    return (int)n;
}

/* Fresh memory for each image of a few MiB would cost more than most tests do with it. */
static void prepare_disk(size_t len)
{
    size_t sectors = (len + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    uint8_t *old = env_disk.bytes;
    bool fits = old != NULL && env_disk.dev.sectors == sectors;
    env_disk = (struct env_disk){.bad_sector = UINT64_MAX, .transfers_left = UINT64_MAX};
    env_disk.bytes = fits ? old : calloc(sectors + 1, BLOCK_SECTOR);
    if (env_disk.bytes == NULL) {
        abort();
    }
    if (!fits) {
        free(old);
    }
    memset(env_disk.bytes + len, 0, (sectors + 1) * BLOCK_SECTOR - len);
    strcpy(env_disk.dev.name, "vda");
    env_disk.dev.sectors = sectors;
    env_disk.dev.logical_block = BLOCK_SECTOR;
    env_disk.dev.max_segments = BLOCK_SEGMENTS_MAX;
    env_disk.dev.max_bytes = 1 << 20;
}

void env_disk_init(const void *bytes, size_t len)
{
    prepare_disk(len);
    if (bytes == NULL) {
        memset(env_disk.bytes, 0, len);
    } else {
        memcpy(env_disk.bytes, bytes, len);
    }
}

void env_disk_load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        die("an image cannot be read");
    }
    size_t len = (size_t)ftell(f);
    rewind(f);
    prepare_disk(len);
    if (fread(env_disk.bytes, 1, len, f) != len) {
        die("an image cannot be read");
    }
    fclose(f);
}

struct block_device *block_open(const char *name)
{
    if (strcmp(name, env_disk.dev.name) != 0) {
        return NULL;
    }
    env_disk.refs++;
    return &env_disk.dev;
}

void block_close(struct block_device *dev)
{
    if (dev != &env_disk.dev || env_disk.refs == 0) {
        die("a device is closed that is not open");
    }
    env_disk.refs--;
}

static enum status transfer(enum block_op op, uint64_t sector, void *buf, size_t len)
{
    const struct block_device *dev = &env_disk.dev;
    size_t sectors = len / BLOCK_SECTOR;
    size_t unit = dev->logical_block / BLOCK_SECTOR;
    if (len == 0 || len % BLOCK_SECTOR != 0 || sector % unit != 0 || sectors % unit != 0) {
        die("a transfer that the device cannot do");
    }
    if (sector > dev->sectors || sectors > dev->sectors - sector) {
        die("a transfer past the end of the device");
    }
    if (op == BLOCK_WRITE && dev->read_only) {
        die("a read-only device is written");
    }
    *(op == BLOCK_READ ? &env_disk.sectors_read : &env_disk.sectors_written) += sectors;
    if (env_disk.bad_sector >= sector && env_disk.bad_sector < sector + sectors) {
        return E_IO;
    }
    uint8_t *bytes = env_disk.bytes + sector * BLOCK_SECTOR;
    if (op == BLOCK_WRITE && env_disk.on_write != NULL) {
        env_disk.on_write(sector, buf, len);
    }
    memcpy(op == BLOCK_READ ? buf : bytes, op == BLOCK_READ ? bytes : buf, len);
    return OK;
}

enum status block_submit(struct block_device *dev, struct block_request *req)
{
    if (req->op == BLOCK_FLUSH || req->segment_count == 0 ||
        req->segment_count > dev->max_segments) {
        die("a request that the device cannot do");
    }
    uint64_t sector = req->sector;
    env_disk.requests++;
    req->result = env_disk.transfers_left == 0 ? E_IO : OK;
    env_disk.transfers_left -= env_disk.transfers_left > 0;
    for (uint32_t i = 0; i < req->segment_count && req->result == OK; i++) {
        req->result = transfer(req->op, sector, req->segments[i].data, req->segments[i].len);
        sector += req->segments[i].len / BLOCK_SECTOR;
    }
    req->done(req);
    return OK;
}

enum status block_read(struct block_device *dev, uint64_t sector, void *buf, size_t len)
{
    (void)dev;
    env_disk.requests++;
    return transfer(BLOCK_READ, sector, buf, len);
}

enum status block_write(struct block_device *dev, uint64_t sector, const void *buf, size_t len)
{
    (void)dev;
    env_disk.requests++;
    if (env_disk.transfers_left == 0) {
        return E_IO;
    }
    env_disk.transfers_left -= env_disk.transfers_left != UINT64_MAX;
    return transfer(BLOCK_WRITE, sector, (void *)(uintptr_t)buf, len);
}

enum status block_flush(struct block_device *dev)
{
    (void)dev;
    env_disk.flushes++;
    if (env_disk.on_flush != NULL) {
        env_disk.on_flush();
    }
    return OK;
}

void env_disk_save(const char *path)
{
    FILE *f = fopen(path, "wb");
    size_t len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    if (f == NULL || fwrite(env_disk.bytes, 1, len, f) != len || fclose(f) != 0) {
        die("an image cannot be written");
    }
}
