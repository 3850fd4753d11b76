// SPDX-License-Identifier: MIT
//
// What Tab offers: commands, then what the command takes.
#pragma once

#include "kernel/fs/vfs.h"
#include "kernel/shell/line.h"

/** A session's. Candidates are asked for one after the other: the directory stays open. */
struct candidates {
    struct line_completer completer;
    struct file *dir;         /* NULL: none is open */
    char word[LINE_WORD_MAX]; /* that dir is open for */
    unsigned next;            /* candidate that the directory gives next */
};

void candidates_init(struct candidates *c);
