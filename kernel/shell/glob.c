// SPDX-License-Identifier: MIT
//
// Patterns for file names.
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/shell/expand.h"

/* Folders with a pattern in one path: each has an open file and a frame on the stack. */
#define GLOB_DEPTH 6

struct glob {
    const struct expand_source *source;
    struct arena *arena;
    struct expand_list *out;
    char path[VFS_PATH_MAX]; /* the beginning that is complete */
};

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* Match one byte with the set at p, after the bracket. @return the end of the set; NULL: it is not
 * closed, so the bracket is an ordinary character. */
static const char *match_set(const char *p, const char *end, uint8_t c, bool *matches)
{
    bool is_negated = p < end && (*p == '!' || *p == '^');
    bool found = false;
    p += is_negated;
    for (const char *first = p; p < end && (*p != ']' || p == first); p++) {
        p += *p == '\\' && p + 1 < end;
        uint8_t low = (uint8_t)*p, high = low;
        if (end - p > 2 && p[1] == '-' && p[2] != ']') {
            p += 2;
            p += *p == '\\' && p + 1 < end;
            high = (uint8_t)*p;
        }
        found = found || (c >= low && c <= high);
    }
    *matches = found != is_negated;
    return p < end ? p + 1 : NULL;
}

/* Match the start of the pattern p with the character at s. @return the rest of the pattern; NULL:
 * no match. */
static const char *match_one(const char *p, const char *end, const char *s)
{
    bool matches;
    if (*p == '?') {
        return p + 1;
    }
    if (*p == '[') {
        const char *after = match_set(p + 1, end, (uint8_t)*s, &matches);
        if (after != NULL) {
            return matches ? after : NULL;
        }
    }
    p += *p == '\\' && p + 1 < end;
    return *p == *s ? p + 1 : NULL;
}

/* After a mismatch only the last star has to be tried again, one character further on. That bounds
 * the work by the product of both lengths; trying all stars again would take exponential time, and
 * a name or a pattern may come from a hostile disk or script. */
bool glob_match(const char *pattern, size_t len, const char *name)
{
    const char *p = pattern, *end = pattern + len, *star = NULL, *retry = NULL;
    while (*name != '\0') {
        if (p < end && *p == '*') {
            star = ++p;
            retry = name;
            continue;
        }
        const char *next = p < end ? match_one(p, end, name) : NULL;
        if (next == NULL) {
            if (star == NULL) {
                return false;
            }
            p = star;
            name = ++retry;
            continue;
        }
        bool is_any = *p == '?';
        p = next;
        name++;
        while (is_any && is_continuation(*name)) {
            name++;
        }
    }
    while (p < end && *p == '*') {
        p++;
    }
    return p == end;
}

void glob_unquote(const char *pattern, size_t len, char *to)
{
    for (size_t i = 0; i < len; i++) {
        i += pattern[i] == '\\' && i + 1 < len;
        *to++ = pattern[i];
    }
    *to = '\0';
}

/* Length of the path's next component, and whether it is a pattern. */
static size_t component(const char *p, bool *is_pattern)
{
    size_t n = 0;
    *is_pattern = false;
    for (; p[n] != '\0' && p[n] != '/'; n++) {
        if (p[n] == '\\' && p[n + 1] != '\0') {
            n++;
        } else {
            *is_pattern = *is_pattern || strchr("*?[", p[n]) != NULL;
        }
    }
    return n;
}

static enum status add_match(struct glob *g)
{
    size_t size = strlen(g->path) + 1;
    char *copy = arena_take(g->arena, size);
    return copy != NULL && expand_add(g->out, g->arena, memcpy(copy, g->path, size)) ? OK : E_NOMEM;
}

static enum status walk(struct glob *g, size_t len, const char *rest, unsigned depth);

/* Continue with each entry of the folder g->path that matches the first `n` bytes of `rest`. A
 * folder that cannot be read, or a path that is too deep, matches nothing; the pattern then stays
 * as it is. Only a pattern that starts with a dot matches a name that does. The flag that ends the
 * job is tested for each entry, since a folder can be large. */
static enum status match_entries(struct glob *g, size_t len, const char *rest, size_t n,
                                 unsigned depth)
{
    struct file *dir;
    struct dir_entry entry;
    if (depth == GLOB_DEPTH ||
        vfs_open(g->source->cwd, len == 0 ? "." : g->path, VFS_READ | VFS_DIRECTORY, &dir) != OK) {
        return OK; /* matches nothing */
    }
    enum status s = OK;
    while (s == OK && file_read_dir(dir, &entry) == OK) {
        if (atomic_load_explicit(g->source->end, memory_order_relaxed)) {
            s = E_CANCELLED;
        } else if ((entry.name[0] != '.' || rest[0] == '.') && glob_match(rest, n, entry.name) &&
                   (rest[n] == '\0' || entry.type != FILE_REGULAR) &&
                   str_copy(g->path + len, sizeof g->path - len, entry.name)) {
            s = rest[n] == '\0' ? add_match(g) : walk(g, strlen(g->path), rest + n, depth + 1);
        }
    }
    file_close(dir);
    return s;
}

static enum status walk(struct glob *g, size_t len, const char *rest, unsigned depth)
{
    struct file_stat st;
    while (*rest != '\0') {
        bool is_pattern;
        size_t n = *rest == '/' ? 1 : component(rest, &is_pattern);
        if (*rest != '/' && is_pattern) {
            g->path[len] = '\0';
            return match_entries(g, len, rest, n, depth);
        }
        if (len + n >= sizeof g->path) {
            return OK; /* no file has such a path */
        }
        glob_unquote(rest, n, g->path + len);
        len += strlen(g->path + len);
        rest += n;
    }
    g->path[len] = '\0';
    return vfs_stat(g->source->cwd, g->path, false, &st) == OK ? add_match(g) : OK;
}

static bool is_before(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b) < 0;
}

enum status glob_expand(const struct expand_source *source, struct arena *arena,
                        const char *pattern, struct expand_list *out)
{
    struct glob *g = arena_take(arena, sizeof *g);
    if (g == NULL) {
        return E_NOMEM;
    }
    uint32_t first = out->count;
    g->source = source;
    g->arena = arena;
    g->out = out;
    enum status s = walk(g, 0, pattern, 0);
    if (out->count > first) {
        sort_array(out->argv + first, out->count - first, sizeof(char *), is_before);
    }
    return s;
}
