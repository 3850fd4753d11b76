// SPDX-License-Identifier: MIT
//
// Turns the words of a command into its arguments: variables, patterns, quotes. Knows nothing of
// commands.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/lib/status.h"
#include "kernel/shell/syntax.h"

#include <stdatomic.h>

/** Where the values come from. */
struct expand_source {
    /** @brief The value of a variable, or NULL. @param name `len` bytes. */
    const char *(*get)(void *ctx, const char *name, size_t len);
    void *ctx;
    const char *cwd;         /* patterns are relative to it */
    char *const *argv;       /* $0 to $9, $@ */
    int argc;                /* at least 1 */
    int status;              /* $? */
    const _Atomic bool *end; /* set by another thread: stop. Relaxed: only a flag */
};

/** A list of arguments, in the arena; NULL ends it. */
struct expand_list {
    char **argv;
    uint32_t count, capacity;
};

/**
 * @brief Expand the plain words of a list: a value outside quotes is split at blanks, and a pattern
 *     is replaced by the sorted names that match it, or stays as it is if none does.
 * @return OK; E_NOMEM: the arena is full; E_CANCELLED: source->end. @context{thread, may sleep}
 */
enum status expand_words(const struct expand_source *source, struct arena *arena,
                         const struct syntax_word *words, struct expand_list *out);

/** @brief Expand one word to exactly one string: no splitting, no patterns. @return NULL: no
 *     memory. @context{thread} */
char *expand_word(const struct expand_source *source, struct arena *arena, const char *text,
                  size_t len);

/** @brief Add an argument; `text` is in the arena. @return false: no memory. @context{thread} */
bool expand_add(struct expand_list *list, struct arena *arena, char *text);

/** @brief True if a name matches a pattern: * ? [a-z] [!a-z], and \ before any character.
 * @param len Length of the pattern. Pure. */
bool glob_match(const char *pattern, size_t len, const char *name);

/**
 * @brief Add the paths that match a pattern, sorted.
 * @return OK, also if none does; as expand_words(). @context{thread, may sleep}
 */
enum status glob_expand(const struct expand_source *source, struct arena *arena,
                        const char *pattern, struct expand_list *out);

/** @brief Copy a pattern without the backslashes that quote. @param to As long as it. Pure. */
void glob_unquote(const char *pattern, size_t len, char *to);
