// SPDX-License-Identifier: MIT
//
// A line of the shell in its parts: commands between bars, each with its words and with the files
// that stand for its terminal. What the words mean is not known here.
#pragma once

#include "kernel/load/loader.h"
#include "kernel/program/program.h"

#include <stdbool.h>
#include <stddef.h>

#define PIPELINE_STAGES FOREGROUND_MAX
#define PIPELINE_WORDS  64
#define PIPELINE_TEXT   2048 /* a line's bytes, and two for each operator in it */

/** One command. */
struct pipeline_stage {
    int argc; /* at least 1 */
    char **argv;
    const char *path[LOAD_FILES]; /* of what < > 2> name; NULL: not redirected */
    bool appends[LOAD_FILES];     /* >> and 2>> */
};

/** Large: from the heap. */
struct pipeline {
    struct pipeline_stage stages[PIPELINE_STAGES];
    unsigned count; /* 0: an empty line */
    char *words[PIPELINE_WORDS + PIPELINE_STAGES];
    char text[PIPELINE_TEXT]; /* what the words point into */
};

/**
 * @brief Take a line apart. Blanks separate words; quotes and backslash group and take | < > their
 * meaning; 2> is for errors where the 2 stands alone.
 * @param why  Receives what is wrong, a sentence.
 * @return false: it makes no sense. @context{any} Pure.
 */
bool pipeline_parse(const char *line, struct pipeline *out, const char **why);
