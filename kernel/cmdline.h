// SPDX-License-Identifier: MIT
//
// The kernel command line: known words, the rest reported and ignored. `run=PATH -- ARGS` ends the
// words; `dir=PATH[::NAME]` and `no-dir` say what that program can reach.
#pragma once

#include "hal/types.h"
#include "kernel/jit/loader.h"
#include "kernel/lib/status.h"

struct cmdline {
    const char *run;             /* path of a program, or NULL */
    const char *run_args;        /* what follows " -- ", verbatim, or "" */
    char *folders[LOAD_FOLDERS]; /* of the program: "PATH" or "PATH::NAME", folder_count of them */
    unsigned folder_count;
    bool is_kept_in;          /* the program reaches these alone: "dir=" or "no-dir" was given */
    const char *test, *bench; /* glob ("*" if none was given), or NULL: not asked for */
    bool shell;               /* also when nothing else is asked for */
    bool poweroff;            /* after the rest */
    uint32_t watchdog_s;      /* kernel/sched/watchdog.h; 0: none */
    bool no_aslr;             /* "aslr=off": kernel/mm/aslr.h */
    bool trace;               /* kernel/trace/trace.h from the first thread on */
    uint32_t preempt_seed;    /* kernel/debug/preempt_points.h; 0: none */
    int loglevel;             /* enum log_level, -1 = not given */
    uint32_t maxcpus;         /* 0 = all */
    uint32_t unknown_count;
    const char *unknown[16]; /* the words nobody knows */
    char text[2048];         /* what the pointers point into */
};

/**
 * @brief Split a command line.
 * @param text  Zero terminated, at most 2047 bytes are looked at; blanks separate words, quotes and
 * backslash group, as in cmdline_split(): GRUB writes a quote in a word with a backslash.
 * @param out   Filled whatever the input; unknown or malformed words are listed in `unknown`.
 * @context{any} Pure.
 */
void cmdline_parse(const char *text, struct cmdline *out);

/** @brief The boot's command line. @pre upcall_main() has parsed it. */
const struct cmdline *cmdline_get(void);

/**
 * @brief Split a program's argument string into words: blanks separate, quotes and backslash group.
 * @param text  Changed in place.
 * @param argv  Receives pointers into text.
 * @return Number of words; E_OVERFLOW as a negative number if there are more than max.
 */
int cmdline_split(char *text, char **argv, int max);
