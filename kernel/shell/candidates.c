// SPDX-License-Identifier: MIT
//
// Completion of commands, paths, and special first arguments of some commands. Names come from
// disks; only printable characters are shown and put into the line.
#include "kernel/shell/candidates.h"

#include "kernel/io/block.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/shell/command.h"

/* The line editor asks for candidates one by one by index, and starts again at 0 for each pass
 * (counting, then listing). For directories an index would mean reading from the start each time,
 * so the directory stays open between calls, and `next` is the index that it delivers next; a
 * different word or a smaller index opens it again. */
#define MODULES_DIR "/lib/modules/"

/** Search for the i-th name of a list that starts with a word. */
struct search {
    const char *word;
    unsigned left;
    char *out;
    bool is_found;
};

/* Candidates are not stored. Each search walks all names and keeps the one that has `left` matches
 * before it; the lists have a few dozen names. */
static void offer(struct search *s, const char *name)
{
    if (!s->is_found && str_has_prefix(name, s->word) && s->left-- == 0) {
        s->is_found = str_copy(s->out, LINE_WORD_MAX, name);
    }
}

static void offer_command(void *ctx, const struct shell_command *c)
{
    offer(ctx, c->name);
}

static void find_command(struct search *s)
{
    shell_visit_commands(false, offer_command, s);
}

static void offer_disk(void *ctx, struct block_device *dev)
{
    offer(ctx, dev->name);
}

static void find_disk(struct search *s)
{
    block_for_each(offer_disk, s);
}

static void find_map(struct search *s)
{
    offer(s, "map");
}

static void find_irq_word(struct search *s)
{
    offer(s, "move");
    offer(s, "resume");
}

static void find_switch(struct search *s)
{
    offer(s, "start");
    offer(s, "stop");
}

static void find_profile(struct search *s)
{
    find_switch(s);
    offer(s, "lines");
    offer(s, "stacks");
}

static void find_trace(struct search *s)
{
    find_switch(s);
    offer(s, "dump");
}

static void find_nothing(struct search *s)
{
    (void)s;
}

/* Commands whose first argument is not a path. */
static const struct {
    const char *command;
    void (*find)(struct search *s);
} first_arguments[] = {
    {"help", find_command}, {"mount", find_disk},       {"mem", find_map},
    {"irq", find_irq_word}, {"test", find_nothing},     {"bench", find_nothing},
    {"ps", find_nothing},   {"poweroff", find_nothing}, {"reboot", find_nothing},
    {"trace", find_trace},  {"profile", find_profile},  {"sync", find_nothing},
};

/* --- paths --- */

/* On failure the caller has no candidate: a directory that cannot be read completes nothing, and no
 * error is printed in the middle of a line. */
static bool open_dir(struct candidates *c, const char *word, const char *base)
{
    const char *slash = strrchr(word, '/');
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - word) + 1;
    char dir[LINE_WORD_MAX];
    if (!str_copy(c->word, sizeof c->word, word)) {
        return false;
    }
    memcpy(dir, word, dir_len);
    dir[dir_len] = '\0';
    c->next = 0;
    return vfs_open(base, dir_len == 0 ? "." : dir, VFS_READ | VFS_DIRECTORY, &c->dir) == OK;
}

static void close_dir(struct candidates *c)
{
    if (c->dir != NULL) {
        file_close(c->dir);
        c->dir = NULL;
    }
}

/* Read on to the i-th entry of the directory that starts with the prefix and fits into `room` bytes
 * with a slash. */
static bool read_entry(struct candidates *c, unsigned i, const char *prefix, size_t room,
                       struct dir_entry *out)
{
    while (file_read_dir(c->dir, out) == OK) {
        if (str_has_prefix(out->name, prefix) && strlen(out->name) + 1 < room && c->next++ == i) {
            return true;
        }
    }
    return false;
}

/* The i-th entry that matches, of the directory named by the word; the rest of the word
 * is the prefix. */
static bool path_candidate(struct candidates *c, const char *base, const char *word, unsigned i,
                           char *out, bool *final)
{
    if (c->dir == NULL || i < c->next || strcmp(c->word, word) != 0) {
        close_dir(c);
        if (!open_dir(c, word, base)) {
            return false;
        }
    }
    const char *slash = strrchr(word, '/');
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - word) + 1;
    struct dir_entry entry;
    if (!read_entry(c, i, word + dir_len, LINE_WORD_MAX - dir_len, &entry)) {
        close_dir(c);
        return false;
    }
    bool is_dir = entry.type == FILE_DIRECTORY;
    *final = !is_dir;
    fmt_print(out, LINE_WORD_MAX, "%.*s%s%s", (int)dir_len, word, entry.name, is_dir ? "/" : "");
    return true;
}

/* --- the word --- */

/* The index of the word in the line, and the line's first word. */
static unsigned word_number(const char *line, size_t word, char *command, size_t len)
{
    unsigned number = 0;
    command[0] = '\0';
    for (size_t at = 0; at < word; at++) {
        bool begins = line[at] != ' ' && (at == 0 || line[at - 1] == ' ');
        if (begins && number++ == 0) {
            size_t n = 0;
            while (line[at + n] != ' ' && n < len - 1) {
                command[n] = line[at + n];
                n++;
            }
            command[n] = '\0';
        }
    }
    return number;
}

static bool find(void (*how)(struct search *s), const char *word, unsigned i, char *out,
                 bool *final)
{
    struct search s = {.word = word, .left = i, .out = out};
    how(&s);
    *final = true;
    return s.is_found;
}

/* The order is that of the shell itself: a first word without a slash is a command, with one
 * it is a program. Then come the words that a command expects instead of a path. Everything
 * else is a path. */
static bool any_candidate(struct candidates *c, const char *line, size_t word, unsigned i,
                          char *out, bool *final)
{
    char command[32];
    unsigned number = word_number(line, word, command, sizeof command);
    const char *text = line + word;
    if (number == 0 && strchr(text, '/') == NULL) {
        return find(find_command, text, i, out, final);
    }
    for (size_t n = 0; number == 1 && n < ARRAY_COUNT(first_arguments); n++) {
        if (strcmp(first_arguments[n].command, command) == 0) {
            return find(first_arguments[n].find, text, i, out, final);
        }
    }
    bool is_module = number == 1 && strcmp(command, "load") == 0 && strchr(text, '/') == NULL;
    return path_candidate(c, is_module ? MODULES_DIR : c->cwd, text, i, out, final);
}

/* A name with characters that cannot be printed is shown with question marks, and completes to a
 * name that does not exist: better than sending them to the terminal. */
static bool candidate(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final)
{
    if (!any_candidate(ctx, line, word, i, out, final)) {
        return false;
    }
    str_make_printable(out);
    return true;
}

void candidates_init(struct candidates *c, const char *cwd)
{
    *c = (struct candidates){.cwd = cwd, .completer = {.candidate = candidate, .ctx = c}};
}
