// SPDX-License-Identifier: MIT
//
// Tab on an arbitrary line, beside files whose names are arbitrary bytes: the
// candidates are printable, finite in number, fit into the line, and may be requested
// in any order; no folder stays open.
#include "fake/world.h"
#include "kernel/fs/name_cache.h"
#include "kernel/fs/vfs.h"
#include "kernel/shell/candidates.h"
#include "tests/fuzz/judge.h"

enum {
    FILES_MAX = 6, /* from the first byte: how many files, and of what kind */
    ASKED_MAX = 64,
    AGAIN = 0x80, /* in the first byte: request each candidate twice */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Files ---- */

static struct {
    char paths[FILES_MAX][48];
    unsigned count;
} made;

/* The first byte is the length, up to the longest name. */
static size_t take_name(const uint8_t *data, size_t size, char *path)
{
    size_t len = size > 0 ? 1u + data[0] % 40u : 0;
    len = len < size ? len : size;
    path[0] = '/';
    for (size_t i = 0; i < len; i++) {
        path[1 + i] = data[i] == '/' || data[i] == '\0' ? 'x' : (char)data[i];
    }
    path[1 + len] = '\0';
    return len;
}

static void make_file(const char *path, bool is_folder)
{
    struct file *f;
    enum status s = is_folder ? vfs_mkdir(NULL, path)
                              : vfs_open(NULL, path, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f);
    if (s == OK) {
        if (!is_folder) {
            file_close(f);
        }
        made.count++;
    }
}

static void remove_files(void)
{
    while (made.count > 0) {
        if (vfs_unlink(NULL, made.paths[--made.count]) != OK) {
            abort();
        }
    }
}

/* ---- The line ---- */

/* As the line editor does: one candidate after the other until there
 * is none, then the first again. */
static void ask(struct candidates *c, const char *line, size_t word, bool again)
{
    char out[LINE_WORD_MAX];
    bool final;
    for (unsigned round = 0; round < (again ? 2u : 1u); round++) {
        for (unsigned i = 0; c->completer.candidate(c->completer.ctx, line, word, i, out, &final);
             i++) {
            if (i == ASKED_MAX) {
                abort(); /* more than there can be */
            }
            judge_text(out, sizeof(out));
            if (again && i % 2 == 1) { /* the previous one again */
                (void)c->completer.candidate(c->completer.ctx, line, word, i - 1, out, &final);
            }
        }
    }
}

static void complete(const uint8_t *data, size_t size, bool again)
{
    struct candidates c;
    char line[LINE_MAX] = "";
    size_t len = 0;
    candidates_init(&c, "/");
    for (size_t i = 0; i < size && len + 1 < sizeof(line); i++) {
        if (data[i] >= ' ' && data[i] != 0x7f) { /* other bytes never get into a line */
            line[len++] = (char)data[i];
        }
    }
    line[len] = '\0';
    size_t word = len;
    while (word > 0 && line[word - 1] != ' ') {
        word--;
    }
    if (len - word < LINE_WORD_MAX) {
        ask(&c, line, word, again);
    }
    if (c.dir != NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        if (vfs_init() != OK) {
            abort();
        }
        is_up = true;
    }
    if (size == 0) {
        return 0;
    }
    uint64_t before = judge_live_objects();
    uint8_t first = *data++;
    size--;
    for (unsigned i = 0; i < (first & 7u) % (FILES_MAX + 1); i++) {
        size_t taken = take_name(data, size, made.paths[made.count]);
        data += taken;
        size -= taken;
        if (taken > 0) {
            make_file(made.paths[made.count], (first >> 3 & 1u << i % 4) != 0);
        }
    }
    complete(data, size, (first & AGAIN) != 0);
    remove_files();
    name_cache_reclaim();
    if (judge_live_objects() != before) {
        abort();
    }
    return 0;
}
