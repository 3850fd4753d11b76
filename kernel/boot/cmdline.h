// SPDX-License-Identifier: MIT
//
// The kernel command line: known words are parsed, others are reported and ignored. `run=PATH --
// ARGS` ends the words; `dir=PATH[::NAME]` and `no-dir` restrict what that program can access.
// `mount=DISK:DIR` mounts a disk to be written.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"
#include "kernel/load/loader.h"

#define MOUNTS_MAX 4

struct cmdline {
    const char *run;             /* path of a program, or NULL */
    const char *run_args;        /* the text after " -- ", verbatim, or "" */
    char *folders[LOAD_FOLDERS]; /* for the program: "PATH" or "PATH::NAME", folder_count of them */
    unsigned folder_count;
    bool is_kept_in;          /* the program can access only these: "dir=" or "no-dir" was given */
    const char *test, *bench; /* glob ("*" by default), or NULL: not asked for */
    char *mounts[MOUNTS_MAX]; /* "DISK:DIR", mount_count of them */
    unsigned mount_count;
    bool shell;            /* also set when nothing else is asked for */
    bool poweroff;         /* after everything else */
    uint32_t watchdog_s;   /* seconds, kernel/sched/watchdog.h; 0: off */
    bool no_aslr;          /* "aslr=off": kernel/mm/aslr.h */
    bool trace;            /* record events (kernel/trace/trace.h) from the first thread on */
    uint32_t preempt_seed; /* kernel/debug/preempt_points.h; 0: off */
    int loglevel;          /* enum log_level, -1 = not given */
    uint32_t maxcpus;      /* 0 = all */
    uint32_t unknown_count;
    const char *unknown[16]; /* unknown words */
    char text[2048];         /* storage for the pointers above */
};

/**
 * @brief Split a command line.
 * @param text Zero terminated; at most 2047 bytes are read. Blanks separate words, quotes and
 *     backslash group, as in words_split(): GRUB writes a quote inside a word with a backslash.
 * @param out Filled for any input; unknown or malformed words are listed in `unknown`.
 * @context{any} Pure.
 */
void cmdline_parse(const char *text, struct cmdline *out);
