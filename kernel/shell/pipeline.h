// SPDX-License-Identifier: MIT
//
// A parsed command line: commands between bars, each with its words and its redirections. Does not
// interpret the words.
#pragma once

#include "kernel/load/loader.h"
#include "kernel/program/program.h"

#include <stdbool.h>
#include <stddef.h>

#define PIPELINE_STAGES FOREGROUND_MAX
#define PIPELINE_WORDS  64
#define PIPELINE_TEXT   2048 /* a line's bytes, and two more for each operator */

/** One command. */
struct pipeline_stage {
    int argc; /* at least 1 */
    char **argv;
    const char *path[LOAD_FILES]; /* the files after < > 2>; NULL: not redirected */
    bool appends[LOAD_FILES];     /* >> and 2>> */
};

/** Large, so allocate it on the heap. */
struct pipeline {
    struct pipeline_stage stages[PIPELINE_STAGES];
    unsigned count; /* 0: an empty line */
    char *words[PIPELINE_WORDS + PIPELINE_STAGES];
    char text[PIPELINE_TEXT]; /* storage for the words */
};

/**
 * @brief Parse a command line. Blanks separate words; quotes and backslash group, and remove the
 *     meaning of | < >; 2> redirects errors if the 2 starts a word.
 * @param why Set to the reason, a sentence, on failure.
 * @return false: a syntax error. @context{any} Pure.
 */
bool pipeline_parse(const char *line, struct pipeline *out, const char **why);
