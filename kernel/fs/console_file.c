// SPDX-License-Identifier: MIT
//
// The caller's terminal as a file system with two nodes, so that open files work on it
// like on others.
#include "kernel/fs/stream_internal.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"

static enum status console_node_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                                     size_t *done)
{
    (void)node, (void)off;
    if (len == 0) {
        *done = 0;
        return OK;
    }
    int n = console_read_job(buf, len, WAIT_FOREVER);
    if (n < 0) {
        return (enum status)n;
    }
    *done = (size_t)n;
    return OK;
}

static struct fs fs;
static struct fs_node root = {.fs = &fs, .id = 1, .type = FILE_DEVICE, .refs = 1},
                      input = {.fs = &fs, .id = 2, .type = FILE_DEVICE, .refs = 1};

/* Framed input comes from no terminal, but the output may still go to one. */
static enum status console_stat(struct fs_node *node, struct file_stat *out)
{
    *out = (struct file_stat){.inode = node->id,
                              .links = 1,
                              .mode = 0666,
                              .type = FILE_DEVICE,
                              .is_terminal = node != &input || !console_is_framed()};
    return OK;
}

static void console_release(struct fs_node *node)
{
    (void)node; /* static */
}

static enum status console_wait_readable(struct fs_node *node, uint64_t deadline_ns)
{
    (void)node;
    return console_wait_job(deadline_ns);
}

/* The device takes bytes at its own pace, so a write never waits for a reader. */
static enum status console_wait_writable(struct fs_node *node, uint64_t deadline_ns, size_t *room)
{
    (void)node, (void)deadline_ns;
    *room = SIZE_MAX;
    return OK;
}

/* A terminal can always be attached again. */
static bool console_is_hung_up(struct fs_node *node)
{
    (void)node;
    return false;
}

static struct wait_queue *console_changes(struct fs_node *node)
{
    (void)node;
    return console_input_queue();
}

/* A terminal has no position, so *off stays 0; a program that is being ended leaves the write in
 * the middle, without a count. */
static enum status console_node_write(struct fs_node *file, uint64_t *off, const void *buf,
                                      size_t len, size_t *done)
{
    (void)file;
    enum status s = console_write_job(buf, len);
    if (s == OK) {
        *off = 0;
        *done = len;
    }
    return s;
}

static const struct fs_ops ops = {
    STREAM_OPS,
    .read = console_node_read,
    .stat = console_stat,
    .release = console_release,
};

static const struct fs_write_ops write_ops = {
    STREAM_WRITE_OPS,
    .write = console_node_write,
};

static const struct fs_stream_ops stream_ops = {.wait_readable = console_wait_readable,
                                                .wait_writable = console_wait_writable,
                                                .is_hung_up = console_is_hung_up,
                                                .changes = console_changes};

/* The file system and its one node refer to each other, hence the declaration. */
static struct fs fs = {.type = "console",
                       .ops = &ops,
                       .write_ops = &write_ops,
                       .stream_ops = &stream_ops,
                       .root = &root};

struct fs_node *console_node(bool is_input)
{
    return is_input ? &input : &root;
}
