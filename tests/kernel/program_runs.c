// SPDX-License-Identifier: MIT
//
// Run programs from their bytes to their end, and compare the memory in use, for in-guest tests.
#include "tests/kernel/program_runs.h"

#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/name_cache.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"
#include "kernel/test/test.h"

/* (module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
 *   (memory (export "memory") 1) (func (export "_start") (call 0 (i32.const 3)))) */
const uint8_t runs_leave[RUNS_LEAVE_LEN] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x01, 0x7f, 0x00, 0x60,
    0x00, 0x00, 0x02, 0x24, 0x01, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73,
    0x68, 0x6f, 0x74, 0x5f, 0x70, 0x72, 0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x09, 0x70, 0x72, 0x6f,
    0x63, 0x5f, 0x65, 0x78, 0x69, 0x74, 0x00, 0x00, 0x03, 0x02, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00,
    0x01, 0x07, 0x13, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5f, 0x73,
    0x74, 0x61, 0x72, 0x74, 0x00, 0x01, 0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x03, 0x10, 0x00, 0x0b};

/* What one table maps, at each level below the root. */
static const uint64_t SPAN_BYTES[] = {(uint64_t)2 << 20, (uint64_t)1 << 30, (uint64_t)512 << 30};

struct flush {
    struct work work;
    struct completion done;
};

bool runs_write_file(const struct image *image)
{
    struct file *f;
    size_t done = 0;
    enum status s = vfs_open(NULL, image->path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &f);
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", image->path, status_text(s));
        return false;
    }
    s = file_write(f, image->bytes, image->len, &done);
    file_close(f);
    if (s != OK || done != image->len) {
        test_fail(__FILE__, __LINE__, "%s: wrote %u of %u bytes", image->path, (unsigned)done,
                  (unsigned)image->len);
        runs_remove_file(image);
        return false;
    }
    return true;
}

void runs_remove_file(const struct image *image)
{
    /* otherwise a test with failing allocations leaves the file behind */
    bool is_armed = failure_pause();
    enum status s = vfs_unlink(NULL, image->path);
    TEST_EQUAL(s, OK);
    failure_resume(is_armed);
}

struct program *runs_start(const struct image *image, const char *argument,
                           struct load_options options)
{
    const char *argv[] = {image->path, argument};
    struct loader_error err = {.text = ""};
    struct program *p;
    options.argc = argument == NULL ? 1 : 2;
    options.argv = argv;
    enum status s = loader_start(image->path, &options, &p, &err);
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
        return NULL;
    }
    return p;
}

static void signal_flushed(struct work *w)
{
    completion_signal(&CONTAINER_OF(w, struct flush, work)->done);
}

static void queue_flush(void *flush)
{
    (void)work_queue(&((struct flush *)flush)->work);
}

/* Wait until each CPU has run the work that was queued on it before. */
static void flush_work(void)
{
    for (cpu_t cpu = 0; cpu < sched_cpu_count(); cpu++) {
        struct flush flush = {.work.run = signal_flushed};
        completion_init(&flush.done, "flush");
        smp_call(cpu, queue_flush, &flush);
        TEST_EQUAL(completion_wait(&flush.done, WAIT_FOREVER), OK);
        work_cancel(&flush.work);
    }
}

void runs_settle(void)
{
    name_cache_reclaim(); /* memory_reclaim() does this, too, but the nodes are freed later */
    rcu_synchronize();    /* threads that were joined or left a program no longer run */
    rcu_barrier();        /* nodes of files are freed */
    flush_work();         /* the resources of ended threads are released */
    (void)thread_trim();  /* CPUs cache as many threads as ended there */
    memory_reclaim();     /* and pages, which need block records and page tables */
}

void runs_finish(struct program *p, enum program_end expected_end, int expected_status)
{
    enum program_end end = PROGRAM_RUNNING;
    int status = -1;
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    TEST_EQUAL(end, expected_end);
    TEST_EQUAL(status, expected_status);
    program_release(p);
    runs_settle();
}

void runs_run(const struct image *image, const char *argument, enum program_end end, int status)
{
    struct program *p = runs_start(image, argument, (struct load_options){.argc = 0});
    if (p != NULL) {
        runs_finish(p, end, status);
    }
}

/* Page tables of the kernel's half, without the root. How many there are depends on where mappings
 * lie: a leaf of the direct map becomes a table when one of its pages is hidden, and the place of a
 * released range keeps its tables for the next range (kernel/mm/vm_spare.h). So only a table that
 * the root does not lead to is a leak. */
static uint64_t count_linked_tables(void)
{
    vaddr_t at = UINT64_MAX;
    for (unsigned i = HAL_REGION_DIRECT; i < HAL_REGION_COUNT; i++) {
        at = MIN(at, hal_layout.region[i].base);
    }
    uint64_t count = 0, span;
    for (; at != 0; at += span) { /* up to the last address, after which it is 0 */
        struct hal_mapping m;
        span = hal_mmu_absent(at);
        uint64_t level = span;
        if (span == 0 && hal_mmu_query(at, &m) && m.size >= SPAN_BYTES[0]) {
            span = level = m.size;
        } else if (span == 0) {
            span = SPAN_BYTES[0];
            count++;
        }
        for (unsigned i = 1; i < ARRAY_COUNT(SPAN_BYTES); i++) {
            count += at % SPAN_BYTES[i] == 0 && level < SPAN_BYTES[i];
        }
    }
    return count;
}

void runs_measure(struct footprint *f)
{
    runs_settle();
    page_get_stats(&f->pages);
    heap_get_stats(&f->heap);
    f->linked_tables = count_linked_tables();
}

static uint64_t expected_pages(const struct footprint *before, const struct footprint *after,
                               enum page_owner owner)
{
    const uint64_t *was = before->pages.by_owner;
    uint64_t more = after->linked_tables - before->linked_tables; /* or fewer: it wraps */
    uint64_t shadow = 0;
#ifdef HALYARD_ADDRESS
    /* Shadow memory of addresses that were used for the first time stays. How much that is,
     * varies. */
    const uint64_t *is = after->pages.by_owner;
    shadow = is[PAGE_META] - MIN(is[PAGE_META], was[PAGE_META]);
#endif
    switch (owner) {
    case PAGE_FREE:
        return was[owner] - more - shadow;
    case PAGE_TABLE:
        return was[owner] + more;
    case PAGE_META:
        return was[owner] + shadow;
    default:
        return was[owner];
    }
}

void runs_compare(const struct footprint *before, const struct footprint *after)
{
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        uint64_t expected = expected_pages(before, after, (enum page_owner)i);
        if (after->pages.by_owner[i] != expected) {
            test_fail(__FILE__, __LINE__, "%s: %llu pages before, %llu expected, %llu after",
                      page_owner_name((enum page_owner)i),
                      (unsigned long long)before->pages.by_owner[i], (unsigned long long)expected,
                      (unsigned long long)after->pages.by_owner[i]);
        }
    }
    TEST_EQUAL(after->heap.live_objects, before->heap.live_objects);
    TEST_EQUAL(after->heap.live_bytes, before->heap.live_bytes);
}
