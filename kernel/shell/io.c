// SPDX-License-Identifier: MIT
//
// Input, output and errors of shell commands: the terminal, or files.
#include "kernel/shell/io.h"

#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/job.h"

#include <stdarg.h>

static enum status write_all(struct file *f, const char *s, size_t len)
{
    enum status st = OK;
    while (len > 0 && st == OK) {
        size_t done = 0;
        st = file_write(f, s, len, &done);
        s += done;
        len -= done;
    }
    return st;
}

static struct job *job_of(const struct command_io *io)
{
    return io == NULL || io->shell == NULL ? NULL : io->shell->job;
}

/* The thread's sink is bypassed for the terminal, or it would be called again. The job's writers
 * are counted around the write, so that a job that stops is quiet before the prompt appears. If the
 * job is being killed the text is still written, but not counted. */
static void write_to_terminal(const struct command_io *io, const char *s, size_t len)
{
    struct thread *t = thread_current();
    struct console_sink *sink = t->sink;
    struct job *job = job_of(io);
    bool is_counted = job != NULL && job_begin_output(job) == OK;
    t->sink = NULL;
    console_write(s, len);
    t->sink = sink;
    if (is_counted) {
        job_end_output(job);
    }
}

/* The sink of a command: after the first error all output is dropped. The file remembers the
 * error, and pipeline.c reports it once, with the file's name. */
static void write_output(struct console_sink *sink, const char *s, size_t len)
{
    struct command_io *io = CONTAINER_OF(sink, struct command_io, sink);
    if (io->files[1] == NULL) {
        write_to_terminal(io, s, len);
    } else if (io->written == OK) {
        if (job_of(io) != NULL) {
            (void)job_is_over(job_of(io)); /* while it is stopped, it waits here */
        }
        io->written = write_all(io->files[1], s, len);
    }
}

/* A sink of another kind does not belong to a command: then errors go to the terminal, and there is
 * no status to set. */
struct command_io *io_current(void)
{
    struct console_sink *sink = thread_current()->sink;
    return sink == NULL || sink->write != write_output
               ? NULL
               : CONTAINER_OF(sink, struct command_io, sink);
}

/* Sinks nest: the command may run another one, and each restores the sink that it found. */
struct console_sink *io_enter(struct command_io *io)
{
    struct thread *t = thread_current();
    struct console_sink *before = t->sink;
    io->sink.write = write_output;
    io->written = OK;
    t->sink = &io->sink;
    return before;
}

void io_leave(struct command_io *io, struct console_sink *before)
{
    if (io->written != OK) {
        io->status = 1;
    }
    thread_current()->sink = before;
}

/* Collects the pieces of an error, so that it is one write, unless it is longer: the commands of a
 * pipeline may report errors at once. */
struct error_text {
    const struct command_io *io;
    size_t len;
    char text[512];
};

static void flush_error(struct error_text *e)
{
    if (e->io == NULL || e->io->files[2] == NULL) {
        write_to_terminal(e->io, e->text, e->len);
    } else {
        (void)!write_all(e->io->files[2], e->text, e->len); /* nowhere to report it */
    }
    e->len = 0;
}

static void write_error(void *ctx, const char *s, size_t len)
{
    struct error_text *e = ctx;
    for (; len > 0; s++, len--) {
        e->text[e->len++] = *s;
        if (e->len == sizeof e->text) {
            flush_error(e);
        }
    }
}

void shell_error(const char *fmt, ...)
{
    struct error_text e = {.io = io_current()};
    va_list args;
    va_start(args, fmt);
    (void)fmt_vsink(write_error, &e, fmt, args);
    va_end(args);
    flush_error(&e);
    shell_set_status(1);
}

static void add_error(struct error_text *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add_error(struct error_text *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fmt_vsink(write_error, e, fmt, args);
    va_end(args);
}

/* Names come from the user or from a disk and may contain control characters, so they are escaped
 * before they reach the terminal. */
void shell_complain_text(const char *command, const char *what, const char *fmt, ...)
{
    struct error_text e = {.io = io_current()};
    va_list args;
    add_error(&e, "%s: ", command);
    shell_escape_name(what, write_error, &e);
    add_error(&e, ": ");
    va_start(args, fmt);
    (void)fmt_vsink(write_error, &e, fmt, args);
    va_end(args);
    add_error(&e, "\n");
    flush_error(&e);
    shell_set_status(1);
}

void shell_set_status(int status)
{
    struct command_io *io = io_current();
    if (io != NULL) {
        io->status = status;
    }
}

bool shell_is_output(struct file *f)
{
    const struct command_io *io = io_current();
    struct file_stat a, b;
    f = f == NULL && io != NULL ? io->files[0] : f;
    return f != NULL && io != NULL && io->files[1] != NULL && file_stat(f, &a) == OK &&
           file_stat(io->files[1], &b) == OK && a.type == FILE_REGULAR && a.device == b.device &&
           a.inode == b.inode;
}

static enum status read_terminal(struct shell *sh, void *buf, size_t len, size_t *done)
{
    int n = sh->job != NULL ? console_read_for(job_front(sh->job), job_end_flag(sh->job), buf, len)
                            : console_read_for(&sh->front, &sh->is_stopped, buf, len);
    *done = n > 0 ? (size_t)n : 0;
    return n >= 0 ? OK : (enum status)n;
}

enum status shell_read(void *buf, size_t len, size_t *done)
{
    struct command_io *io = io_current();
    if (io->files[0] != NULL) {
        return file_read(io->files[0], buf, len, done);
    }
    return read_terminal(io->shell, buf, len, done);
}
