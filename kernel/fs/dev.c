// SPDX-License-Identifier: MIT
//
// /dev: files that are no files. null, the terminal, and the terminal's control file.
#include "kernel/fs/stream_internal.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/tty/console.h"

/* ttyctl reads as lines of text, which a program can also find after a position: so it is a regular
 * file here, and its size is that of the text. */
#define CONTROL_MAX 64

static const char *const modes[] = {
    [FOREGROUND_LINES] = "lines", [FOREGROUND_KEYS] = "keys", [FOREGROUND_RAW] = "raw"};

static struct fs fs;
static struct fs_node root = {.fs = &fs, .id = 1, .type = FILE_DIRECTORY, .refs = 1},
                      null = {.fs = &fs, .id = 2, .type = FILE_DEVICE, .refs = 1},
                      control = {.fs = &fs, .id = 3, .type = FILE_REGULAR, .refs = 1};

static const struct {
    const char *name;
    struct fs_node *node; /* NULL: the console's */
} entries[] = {{"null", &null}, {"tty", NULL}, {"ttyctl", &control}};

static struct fs_node *node_of(size_t i)
{
    return entries[i].node != NULL ? entries[i].node : console_node(false);
}

/* The nodes are static and have one reference for ever, so release is never reached with the last
 * one; fs_node_get() still counts, because fs.users must be right for an unmount. */
static enum status dev_lookup(struct fs_node *dir, const char *name, size_t len,
                              struct fs_node **out)
{
    (void)dir;
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (strlen(entries[i].name) == len && memcmp(entries[i].name, name, len) == 0) {
            *out = node_of(i);
            atomic_fetch_add_explicit(&(*out)->refs, 1, memory_order_relaxed);
            return OK;
        }
    }
    return E_NOENT;
}

static enum status dev_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    (void)dir;
    if (*cookie >= ARRAY_COUNT(entries)) {
        return E_NOENT;
    }
    const struct fs_node *node = node_of(*cookie);
    out->inode = node->id;
    out->type = node->type;
    (void)str_copy(out->name, sizeof out->name, entries[*cookie].name);
    ++*cookie;
    return OK;
}

/* The terminal is asked for its size only by whoever reads from the start. */
static size_t print_control(char text[CONTROL_MAX], bool may_ask)
{
    unsigned columns, rows;
    size_t n = fmt_print(text, CONTROL_MAX, "mode %s\n", modes[console_get_mode()]);
    if (console_get_size(may_ask, &columns, &rows) == OK) {
        n += fmt_print(text + n, CONTROL_MAX - n, "columns %u\nrows %u\n", columns, rows);
    }
    return n;
}

/* The text is made anew by each call, so a program that reads it in pieces may see two states of
 * the terminal; one read of CONTROL_MAX bytes sees one. /dev/null has no text, and each read is at
 * its end. */
static enum status dev_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done)
{
    char text[CONTROL_MAX];
    size_t size = node == &control ? print_control(text, off == 0) : 0;
    *done = off < size ? MIN(len, size - (size_t)off) : 0;
    memcpy(buf, text + (*done > 0 ? off : 0), *done);
    return OK;
}

static enum status dev_stat(struct fs_node *node, struct file_stat *out)
{
    char text[CONTROL_MAX];
    *out = (struct file_stat){.inode = node->id,
                              .links = 1,
                              .mode = node == &root ? 0555 : 0666,
                              .type = node->type,
                              .size = node == &control ? print_control(text, false) : 0};
    return OK;
}

static void dev_release(struct fs_node *node)
{
    (void)node; /* static */
}

/* One word: a mode. A newline after it is ignored. */
static enum status set_mode(const char *word, size_t len)
{
    len -= len > 0 && word[len - 1] == '\n' ? 1 : 0;
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        if (strlen(modes[i]) == len && memcmp(modes[i], word, len) == 0) {
            int before = console_set_mode((enum foreground_mode)i);
            return before < 0 ? (enum status)before : OK;
        }
    }
    return E_INVAL;
}

static enum status dev_write(struct fs_node *file, uint64_t *off, const void *buf, size_t len,
                             size_t *done)
{
    enum status s = file == &control ? set_mode(buf, len) : OK;
    if (s == OK) {
        *off = 0;
        *done = len;
    }
    return s;
}

static enum status dev_create(const struct fs_name *at, enum file_type type, const char *target,
                              struct fs_node **out)
{
    (void)at, (void)type, (void)target, (void)out;
    return E_ROFS;
}

static enum status dev_set_size(struct fs_node *file, uint64_t size)
{
    (void)file, (void)size;
    return OK; /* whoever opens it to write truncates it first */
}

static enum status dev_wait_readable(struct fs_node *node, uint64_t deadline_ns)
{
    (void)node, (void)deadline_ns;
    return OK;
}

static enum status dev_wait_writable(struct fs_node *node, uint64_t deadline_ns, size_t *room)
{
    (void)node, (void)deadline_ns;
    *room = SIZE_MAX;
    return OK;
}

static bool dev_is_hung_up(struct fs_node *node)
{
    (void)node;
    return false;
}

static const struct fs_ops ops = {
    .lookup = dev_lookup,
    .read_dir = dev_read_dir,
    .read_link = stream_read_link,
    .usage = stream_usage,
    .unmount = stream_unmount,
    .read = dev_read,
    .stat = dev_stat,
    .release = dev_release,
};

static const struct fs_write_ops write_ops = {
    .create = dev_create,
    .link = stream_link,
    .remove = stream_remove,
    .rename = stream_rename,
    .write = dev_write,
    .set_size = dev_set_size,
    .allocate = stream_allocate,
    .set_times = stream_set_times,
};

static const struct fs_stream_ops stream_ops = {.wait_readable = dev_wait_readable,
                                                .wait_writable = dev_wait_writable,
                                                .is_hung_up = dev_is_hung_up};

static struct fs fs = {.type = "devices",
                       .ops = &ops,
                       .write_ops = &write_ops,
                       .stream_ops = &stream_ops,
                       .root = &root};

struct fs *dev_fs(void)
{
    return &fs;
}
