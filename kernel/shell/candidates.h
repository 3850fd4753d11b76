// SPDX-License-Identifier: MIT
//
// Candidates for Tab: commands, and each command's arguments.
#pragma once

#include "kernel/fs/vfs.h"
#include "kernel/shell/line.h"

/** State of a session. Candidates are requested one by one, so the directory stays open. */
struct candidates {
    struct line_completer completer;
    const char *cwd;          /* paths are relative to it */
    struct file *dir;         /* NULL: none is open */
    char word[LINE_WORD_MAX]; /* the word for which `dir` is open */
    unsigned next;            /* index of the candidate that the directory delivers next */
};

/** @param cwd  Must live as long as *c; may change. */
void candidates_init(struct candidates *c, const char *cwd);
