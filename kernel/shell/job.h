// SPDX-License-Identifier: MIT
//
// Jobs: a thread that runs a pipeline or a list, with the programs and threads that it starts.
// Ctrl-C, `kill`, `fg` and `bg` reach all of them.
#pragma once

#include "kernel/shell/session.h"

#define JOBS_MAX 64 /* on all consoles together */

struct pipeline;
struct program;
struct thread;

/** A program or a thread of a job. Embedded in what waits for it. */
struct job_member {
    struct list_node link;
    struct program *program; /* or */
    struct thread *thread;
};

/** @brief Add a program or a thread, which gets what the job got: the end, or suspension.
 * @context{thread, may sleep} */
void job_add(struct job *job, struct job_member *m);
/** @brief Remove it; nothing reaches it any longer. Nothing if it was not added. */
void job_remove(struct job *job, struct job_member *m);

/** @brief True if the job is being killed. Waits while it is suspended. @context{thread} */
bool job_is_over(struct job *job);
/** @brief The flag that job_is_over() reads. */
const _Atomic bool *job_end_flag(const struct job *job);

/** @brief Run a prepared pipeline as the session's job in the foreground. Owns the pipeline.
 * @return its status. @context{thread, may sleep} */
int job_run(struct shell *sh, struct pipeline *p, const struct syntax_pipe *pipe);
/** @brief Run pipelines in the background. @context{thread, may sleep} */
void job_start(struct shell *sh, const struct syntax_pipe *first, const struct syntax_pipe *last);

/** @brief A thread of the job wants to read the terminal: if the job is in the background, suspend
 *     it until it is continued. @return OK; E_CANCELLED. @context{thread, may sleep} */
enum status job_await_foreground(struct job *job);
/** @brief A thread of the job is about to write to its terminal: waits while the job is stopped.
 * @return OK: call job_end_output() afterwards; E_CANCELLED. @context{thread, may sleep} */
enum status job_begin_output(struct job *job);
void job_end_output(struct job *job);
/** @brief What foreground.h knows of it. @context{any} */
struct foreground_job *job_front(struct job *job);
/** @brief Print which of the shell's jobs have ended, and forget them. @context{thread} */
void job_report(struct shell *sh);
/** @brief Let `wait` of this shell look at its end, because that is set. @context{thread} */
void job_end_waits(const struct shell *sh);
/** @brief Forget the shell's jobs, which go on. @context{thread} */
void job_disown(struct shell *sh);
