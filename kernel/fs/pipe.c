// SPDX-License-Identifier: MIT
//
// Pipes: a ring between two open files. Each end is a node of its own, so closing the last file of
// an end releases its node.
#include "kernel/fs/stream_internal.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/wait.h"

#define PIPE_SIZE 16384u /* bytes; a power of two */
#define AT_ONCE   4096u  /* most bytes copied in one step, with interrupts masked */

/* Field protection:  [q] changed.lock */
struct pipe {
    struct fs_node ends[2]; /* the read end and the write end */
    /* readers and writers wait here; at most one side has to wait at any time */
    struct wait_queue changed;
    uint32_t head, tail; /* [q] written up to head, read up to tail, modulo 2^32 */
    bool is_open[2];     /* [q] the end is open */
    uint8_t ring[PIPE_SIZE];
};

enum { READS, WRITES };

static struct pipe *pipe_of(struct fs_node *node)
{
    return CONTAINER_OF(node - node->id, struct pipe, ends[0]);
}

/* Bytes from position `at` on that are contiguous in the ring, at most `len`. */
static size_t piece(uint32_t at, size_t len)
{
    return MIN(len, PIPE_SIZE - at % PIPE_SIZE);
}

/* head - tail is the number of bytes in the ring, 0 to PIPE_SIZE. Both positions count on and wrap
 * at 2^32, a multiple of PIPE_SIZE, so full and empty need no flag. ring_read() and ring_write()
 * copy at most two pieces: up to the ring's end, and from its start. */
static size_t ring_read(struct pipe *p, uint8_t *buf, size_t len)
{
    size_t n = MIN(MIN(len, AT_ONCE), p->head - p->tail);
    size_t first = piece(p->tail, n);
    memcpy(buf, p->ring + p->tail % PIPE_SIZE, first);
    memcpy(buf + first, p->ring, n - first);
    p->tail += (uint32_t)n;
    return n;
}

static size_t ring_write(struct pipe *p, const uint8_t *buf, size_t len)
{
    size_t n = MIN(MIN(len, AT_ONCE), PIPE_SIZE - (p->head - p->tail));
    size_t first = piece(p->head, n);
    memcpy(p->ring + p->head % PIPE_SIZE, buf, first);
    memcpy(p->ring, buf + first, n - first);
    p->head += (uint32_t)n;
    return n;
}

/* A read returns as soon as there is anything. With no bytes and no writer it returns 0: end of
 * file. A write returns when all bytes are in the ring, or with E_PIPE when the last reader has
 * closed. It unlocks after each step, so that interrupts and other CPUs wait for one step at most;
 * a write of up to AT_ONCE bytes for which there is room stays in one piece. Both wake the whole
 * queue, because readers and writers share it. */
static enum status pipe_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                             size_t *done)
{
    (void)off;
    struct pipe *p = pipe_of(node);
    enum status s = OK;
    size_t n = 0;
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    while (s == OK && len > 0 && p->head == p->tail && p->is_open[WRITES]) {
        s = wait_on_locked(&p->changed, &state, WAIT_FOREVER);
    }
    if (s == OK) {
        n = ring_read(p, buf, len);
        wait_wake_all_locked(&p->changed);
    }
    spin_unlock_irq(&p->changed.lock, state);
    if (s == OK) {
        *done = n;
    }
    return s;
}

static enum status pipe_write(struct fs_node *node, uint64_t *off, const void *buf, size_t len,
                              size_t *done)
{
    struct pipe *p = pipe_of(node);
    enum status s = OK;
    size_t n = 0;
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    while (s == OK && n < len) {
        size_t taken = p->is_open[READS] ? ring_write(p, (const uint8_t *)buf + n, len - n) : 0;
        n += taken;
        if (!p->is_open[READS]) {
            s = E_PIPE;
        } else if (taken != 0) {
            wait_wake_all_locked(&p->changed);
            spin_unlock_irq(&p->changed.lock, state);
            state = spin_lock_irq(&p->changed.lock);
        } else {
            s = wait_on_locked(&p->changed, &state, WAIT_FOREVER);
        }
    }
    spin_unlock_irq(&p->changed.lock, state);
    if (s == OK) {
        *off = 0;
        *done = n;
    }
    return s;
}

/* Wakes the other side, which has to see the end of file or E_PIPE. The struct is freed by
 * whichever end is released second; both decide under the lock. */
static void pipe_release(struct fs_node *node)
{
    struct pipe *p = pipe_of(node);
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    p->is_open[node->id] = false;
    bool is_last = !p->is_open[READS] && !p->is_open[WRITES];
    wait_wake_all_locked(&p->changed);
    spin_unlock_irq(&p->changed.lock, state);
    if (is_last) {
        heap_free(p);
    }
}

static enum status pipe_stat(struct fs_node *node, struct file_stat *out)
{
    *out = (struct file_stat){.inode = node->id, .type = FILE_DEVICE, .mode = 0600};
    return OK;
}

static enum status pipe_wait_readable(struct fs_node *node, uint64_t deadline_ns)
{
    struct pipe *p = pipe_of(node);
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    while (s == OK && p->head == p->tail && p->is_open[WRITES]) {
        s = wait_on_locked(&p->changed, &state, deadline_ns);
    }
    spin_unlock_irq(&p->changed.lock, state);
    return s;
}

/* Without a reader there is no wait: the write fails at once. */
static enum status pipe_wait_writable(struct fs_node *node, uint64_t deadline_ns, size_t *room)
{
    struct pipe *p = pipe_of(node);
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    while (s == OK && p->head - p->tail == PIPE_SIZE && p->is_open[READS]) {
        s = wait_on_locked(&p->changed, &state, deadline_ns);
    }
    if (s == OK) {
        *room = p->is_open[READS] ? PIPE_SIZE - (p->head - p->tail) : PIPE_SIZE;
    }
    spin_unlock_irq(&p->changed.lock, state);
    return s;
}

static bool pipe_is_hung_up(struct fs_node *node)
{
    struct pipe *p = pipe_of(node);
    irq_state_t state = spin_lock_irq(&p->changed.lock);
    bool is_other_open = p->is_open[node->id == READS ? WRITES : READS];
    spin_unlock_irq(&p->changed.lock, state);
    return !is_other_open;
}

static struct wait_queue *pipe_changes(struct fs_node *node)
{
    return &pipe_of(node)->changed;
}

static const struct fs_ops ops = {
    STREAM_OPS,
    .read = pipe_read,
    .stat = pipe_stat,
    .release = pipe_release,
};

static const struct fs_write_ops write_ops = {
    STREAM_WRITE_OPS,
    .write = pipe_write,
};

static const struct fs_stream_ops stream_ops = {.wait_readable = pipe_wait_readable,
                                                .wait_writable = pipe_wait_writable,
                                                .is_hung_up = pipe_is_hung_up,
                                                .changes = pipe_changes};

static struct fs pipes = {
    .type = "pipe", .ops = &ops, .write_ops = &write_ops, .stream_ops = &stream_ops};

static struct file *open_end(struct pipe *p, unsigned which)
{
    struct fs_node *node = &p->ends[which];
    fs_node_get(node);
    return file_make(node, which == READS ? VFS_READ : VFS_WRITE, 0);
}

enum status pipe_make(struct file **reader, struct file **writer)
{
    struct pipe *p = heap_alloc(sizeof(*p));
    if (p == NULL) {
        return E_NOMEM;
    }
    p->head = p->tail = 0;
    wait_queue_init(&p->changed, "pipe");
    for (unsigned i = READS; i <= WRITES; i++) {
        p->ends[i] = (struct fs_node){.fs = &pipes, .id = i, .type = FILE_DEVICE};
        p->is_open[i] = true;
    }
    struct file *r = open_end(p, READS);
    struct file *w = open_end(p, WRITES);
    if (r != NULL && w != NULL) {
        *reader = r;
        *writer = w;
        return OK;
    }
    if (r != NULL) {
        file_close(r);
    }
    if (w != NULL) {
        file_close(w);
    }
    return E_NOMEM; /* releasing the last end freed the pipe */
}
