// SPDX-License-Identifier: MIT
//
// Disks. On the devices with serial numbers "null" and "late", whose host side does nothing: the
// CPU work of one read, from the submitting thread to the interrupt. On "scratch", a file of the
// host: throughput in wall-clock time, which is meaningless under icount.
//
// "late" completes a request 100 microseconds of the host after it was submitted, so each one at a
// time has its own interrupt. "null" does so as soon as QEMU's main loop runs, which the
// instruction counter does not govern: if it is early, the thread that submits still looks, and
// needs no interrupt. From run to run between none and all of the reads were early.
#include "hal/cpu.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"
#include "tests/bench/benches.h"

#define BATCHES      5
#define DEPTH_MAX    32
#define READ_LEN     4096u
#define STREAM_LEN   ((size_t)1 << 20)
#define STREAM_ALL   ((size_t)64 << 20)
#define STREAM_DEPTH 4
#define FLUSHES      200u
#define READS_QD1    500u
#define READS_QD32   4000u

/* --- a thread that gets the remaining CPU time, in loop turns of known cost --- */

static struct {
    _Atomic bool stop;
    _Atomic uint64_t turns;
} spare;

static NOINLINE void spin(uint64_t turns)
{
    for (uint64_t i = 0; i < turns; i++) {
        if (atomic_load_explicit(&spare.stop, memory_order_relaxed)) {
            break;
        }
        for (volatile unsigned k = 0; k < 30; k++) {
        }
        uint64_t n = atomic_load_explicit(&spare.turns, memory_order_relaxed);
        atomic_store_explicit(&spare.turns, n + 1, memory_order_relaxed);
    }
}

static void spin_until_stopped(void *arg)
{
    (void)arg;
    spin(UINT64_MAX);
}

/* Counter ticks of SPIN_TURNS turns without interruption: many turns, because a tick of the counter
 * may be 16 instructions, and there are thousands of turns in the time of a read. */
#define SPIN_TURNS 200000u

static uint64_t measure_spin(void)
{
    atomic_store_explicit(&spare.stop, false, memory_order_relaxed);
    irq_state_t state = hal_irq_save();
    uint64_t begin = hal_counter_read();
    spin(SPIN_TURNS);
    uint64_t ticks = hal_counter_read() - begin;
    hal_irq_restore(state);
    return ticks;
}

static struct thread *start_spare(void)
{
    struct thread *t;
    const struct thread_options options = {
        .name = "spare", .entry = spin_until_stopped, .priority = PRIO_IDLE + 1};
    if (thread_create(&options, &t) != OK) {
        panic("bench: no memory for a thread");
    }
    return t;
}

static void end_spare(struct thread *t)
{
    atomic_store_explicit(&spare.stop, true, memory_order_relaxed);
    if (thread_join(t, NULL) != OK) {
        panic("bench: cancelled");
    }
}

/* --- a fixed number of requests in flight --- */

struct stream;

struct flight {
    struct block_request req;
    struct block_segment segment;
    struct stream *stream;
};

/* All state is in one struct, so that the measured code dominates and not the measurement: `done`
 * submits the next request. Runs in the work thread only. */
struct stream {
    struct block_device *dev;
    enum block_op op;
    uint32_t len;
    bool is_random;
    uint64_t left;    /* to submit */
    uint64_t pending; /* to complete */
    uint64_t position, random;
    struct completion all_done;
    struct flight flight[DEPTH_MAX];
};

static uint64_t next_sector(struct stream *s)
{
    uint32_t sectors = s->len / BLOCK_SECTOR;
    uint64_t places = s->dev->sectors / sectors;
    uint64_t place = s->position++;
    if (s->is_random) {
        s->random ^= s->random << 13;
        s->random ^= s->random >> 7;
        s->random ^= s->random << 17;
        place = s->random;
    }
    return place % places * sectors;
}

static void submit_next(struct flight *f)
{
    struct stream *s = f->stream;
    s->left--;
    f->req.sector = next_sector(s);
    enum status st = block_submit(s->dev, &f->req);
    if (st != OK) {
        panic("bench: %s: %s", s->dev->name, status_text(st));
    }
}

static void flight_done(struct block_request *req)
{
    struct flight *f = CONTAINER_OF(req, struct flight, req);
    struct stream *s = f->stream;
    if (req->result != OK) {
        panic("bench: %s: %s", s->dev->name, status_text(req->result));
    }
    s->pending--;
    if (s->left > 0) {
        submit_next(f);
    } else if (s->pending == 0) {
        completion_signal(&s->all_done);
    }
}

static unsigned order_of(size_t len)
{
    unsigned order = 0;
    while ((PAGE_SIZE << order) < len) {
        order++;
    }
    return order;
}

static struct stream stream; /* static: too large for a stack, and only one stream runs at a time */

static void open_stream(struct block_device *dev, enum block_op op, uint32_t len, unsigned depth,
                        bool is_random)
{
    stream = (struct stream){
        .dev = dev, .op = op, .len = len, .is_random = is_random, .random = 88172645463325252ull};
    for (unsigned i = 0; i < depth; i++) {
        struct flight *f = &stream.flight[i];
        paddr_t frame;
        if (page_alloc(order_of(len), PAGE_OTHER, &frame) != OK) {
            panic("bench: no memory for buffers");
        }
        memset(hal_direct(frame), 0, len);
        f->stream = &stream;
        f->segment = (struct block_segment){.data = hal_direct(frame), .len = len};
        f->req = (struct block_request){
            .op = op, .segment_count = 1, .segments = &f->segment, .done = flight_done};
    }
}

static void close_stream(unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        page_free(hal_direct_to_phys(stream.flight[i].segment.data), order_of(stream.len));
    }
}

static void run_stream(unsigned depth, uint64_t count)
{
    stream.left = stream.pending = count;
    completion_init(&stream.all_done, "bench");
    block_plug(stream.dev);
    for (unsigned i = 0; i < depth; i++) {
        submit_next(&stream.flight[i]);
    }
    block_unplug(stream.dev);
    if (completion_wait(&stream.all_done, WAIT_FOREVER) != OK) {
        panic("bench: cancelled");
    }
}

/* --- the figures --- */

struct search {
    const char *serial;
    char name[sizeof(((struct block_device *)0)->name)];
};

static void look(void *ctx, struct block_device *dev)
{
    struct search *s = ctx;
    if (strcmp(dev->serial, s->serial) == 0) {
        str_copy(s->name, sizeof(s->name), dev->name);
    }
}

/* NULL: this run has no such disk, and its figures are omitted. */
static struct block_device *open_disk(const char *serial)
{
    struct search s = {.serial = serial};
    block_for_each(look, &s);
    struct block_device *dev = s.name[0] != '\0' ? block_open(s.name) : NULL;
    if (dev == NULL) {
        log_warn("bench", "no disk with serial number \"%s\"", serial);
    }
    return dev;
}

static void bench_work(const char *name, const char *disk, unsigned depth, uint64_t count)
{
    struct block_device *dev = open_disk(disk);
    if (dev == NULL) {
        return;
    }
    uint64_t milli[BATCHES];
    uint64_t spin_ticks = measure_spin();
    open_stream(dev, BLOCK_READ, READ_LEN, depth, true);
    struct thread *t = start_spare();
    run_stream(depth, count); /* warm */
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t turns = atomic_load_explicit(&spare.turns, memory_order_relaxed);
        uint64_t begin = hal_counter_read();
        run_stream(depth, count);
        uint64_t ticks = hal_counter_read() - begin;
        turns = atomic_load_explicit(&spare.turns, memory_order_relaxed) - turns;
        ticks -= MIN(ticks, turns * spin_ticks / SPIN_TURNS);
        milli[b] = clock_counter_to_ns(ticks * 1000) / count;
    }
    end_spare(t);
    close_stream(depth);
    block_close(dev);
    bench_report(name, bench_median(milli, BATCHES), "instr");
}

static void bench_read_work_qd1(void)
{
    bench_work("blk.read4k_qd1_instr", "late", 1, READS_QD1);
}

static void bench_read_work_qd32(void)
{
    bench_work("blk.read4k_qd32_instr", "null", DEPTH_MAX, READS_QD32);
}

/* Thousandths of requests a second, and of megabytes (10^6 bytes) a second. */
static uint64_t per_second_milli(uint64_t count, uint64_t ns)
{
    return count * 1000 * (NS_PER_S / NS_PER_US) / MAX(ns / NS_PER_US, 1ull);
}

static uint64_t megabytes_milli(uint64_t bytes, uint64_t ns)
{
    return bytes * 1000 / MAX(ns / NS_PER_US, 1ull);
}

static void bench_reads(const char *name, unsigned depth, uint64_t count)
{
    struct block_device *dev = open_disk("scratch");
    if (dev == NULL) {
        return;
    }
    uint64_t milli[BATCHES];
    open_stream(dev, BLOCK_READ, READ_LEN, depth, true);
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t begin = clock_now_ns();
        run_stream(depth, count);
        milli[b] = per_second_milli(count, clock_now_ns() - begin);
    }
    close_stream(depth);
    block_close(dev);
    bench_report(name, bench_median(milli, BATCHES), "iops");
}

static void bench_reads_qd1(void)
{
    bench_reads("blk.read4k_qd1_iops", 1, READS_QD1);
}

static void bench_reads_qd32(void)
{
    bench_reads("blk.read4k_qd32_iops", DEPTH_MAX, READS_QD32);
}

/* The first STREAM_ALL bytes, with STREAM_DEPTH requests in flight of 1 MiB each, or of the largest
 * size that a request may have. */
static void bench_sequential(const char *name, enum block_op op)
{
    struct block_device *dev = open_disk("scratch");
    if (dev == NULL) {
        return;
    }
    uint64_t milli[BATCHES];
    uint32_t len = MIN(STREAM_LEN, ALIGN_DOWN(dev->max_bytes, (uint32_t)PAGE_SIZE));
    uint64_t count = STREAM_ALL / len;
    open_stream(dev, op, len, STREAM_DEPTH, false);
    for (unsigned b = 0; b < BATCHES; b++) {
        stream.position = 0;
        uint64_t begin = clock_now_ns();
        run_stream(STREAM_DEPTH, count);
        milli[b] = megabytes_milli(count * len, clock_now_ns() - begin);
    }
    close_stream(STREAM_DEPTH);
    block_close(dev);
    bench_report(name, bench_median(milli, BATCHES), "MB/s");
}

/* Write first: a part of the file that was never written is a hole, and reading a
 * hole is faster than any disk. */
static void bench_sequential_both(void)
{
    bench_sequential("blk.seq_write_mbps", BLOCK_WRITE);
    bench_sequential("blk.seq_read_mbps", BLOCK_READ);
}

static void bench_write_flush(void)
{
    struct block_device *dev = open_disk("scratch");
    paddr_t frame;
    if (dev == NULL) {
        return;
    }
    if (page_alloc_zeroed(PAGE_OTHER, &frame) != OK) {
        panic("bench: no memory for buffers");
    }
    uint64_t milli[BATCHES];
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t begin = clock_now_ns();
        for (unsigned i = 0; i < FLUSHES; i++) {
            uint64_t sector = (uint64_t)i * READ_LEN / BLOCK_SECTOR;
            enum status s = block_write(dev, sector, hal_direct(frame), READ_LEN);
            s = s == OK ? block_flush(dev) : s;
            if (s != OK) {
                panic("bench: %s: %s", dev->name, status_text(s));
            }
        }
        milli[b] = per_second_milli(FLUSHES, clock_now_ns() - begin);
    }
    page_free(frame, 0);
    block_close(dev);
    bench_report("blk.write4k_flush_iops", bench_median(milli, BATCHES), "iops");
}

const struct kernel_bench block_benches[] = {
    {"blk.read4k_qd1_instr", bench_read_work_qd1},
    {"blk.read4k_qd32_instr", bench_read_work_qd32},
    {"blk.seq_write_mbps blk.seq_read_mbps", bench_sequential_both},
    {"blk.read4k_qd1_iops", bench_reads_qd1},
    {"blk.read4k_qd32_iops", bench_reads_qd32},
    {"blk.write4k_flush_iops", bench_write_flush},
    {0},
};
