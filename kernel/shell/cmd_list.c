// SPDX-License-Identifier: MIT
//
// `ls`: sorted by name, in columns on a terminal, one name a line elsewhere. Names come from disks:
// control characters and malformed UTF-8 are escaped before they reach a terminal.
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/tty/console.h"

#define COLUMNS_UNKNOWN 80u
#define COLUMN_GAP      2u
#define REPLACEMENT     0xfffdu
#define ESCAPE_MAX      5u /* "\\x1b" */

struct options {
    bool is_long, is_all, is_single;
};

struct name {
    char *text; /* owned */
    enum file_type type;
};

struct listing {
    struct name *names; /* owned; `count` of them, room for `room` */
    size_t count, room;
};

/* ---- Names ---- */

/* Length of the character at s, and whether it must be escaped. */
static size_t next_character(const char *s, size_t len, uint32_t *out, bool *is_escaped)
{
    size_t n = unicode_decode(s, len, out);
    *is_escaped = *out < ' ' || (*out >= 0x7f && *out < 0xa0) || (*out == REPLACEMENT && n == 1);
    return n;
}

unsigned shell_name_columns(const char *name)
{
    unsigned columns = 0;
    size_t len = strlen(name);
    while (len > 0) {
        uint32_t c;
        bool is_escaped;
        size_t n = next_character(name, len, &c, &is_escaped);
        columns += is_escaped ? 4 * (unsigned)n : unicode_columns(c);
        name += n;
        len -= n;
    }
    return columns;
}

/* Collects characters that need no escape and emits them together; shell_name_columns() must count
 * exactly what is emitted here, or columns are crooked. */
void shell_escape_name(const char *name, void (*emit)(void *ctx, const char *s, size_t len),
                       void *ctx)
{
    size_t len = strlen(name), plain = 0;
    while (plain < len) {
        uint32_t c;
        bool is_escaped;
        size_t n = next_character(name + plain, len - plain, &c, &is_escaped);
        if (!is_escaped) {
            plain += n;
            continue;
        }
        emit(ctx, name, plain);
        for (size_t i = 0; i < n; i++) {
            char text[ESCAPE_MAX];
            emit(ctx, text,
                 fmt_print(text, sizeof text, "\\x%02x", (unsigned)(uint8_t)name[plain + i]));
        }
        name += plain + n;
        len -= plain + n;
        plain = 0;
    }
    emit(ctx, name, len);
}

static void print(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_write(s, len);
}

void shell_print_name(const char *name)
{
    shell_escape_name(name, print, NULL);
}

/* ---- One line a name ---- */

static void print_mode(const struct file_stat *st)
{
    static const char types[] = "-dlc?", bits[] = "rwxrwxrwx";
    char text[sizeof bits + 1] = {types[st->type]};
    for (unsigned i = 0; i < sizeof bits - 1; i++) {
        text[1 + i] = (st->mode >> (8 - i) & 1u) != 0 ? bits[i] : '-';
    }
    console_write(text, sizeof bits);
}

static void print_target(const char *dir, const char *name)
{
    char *target = heap_alloc(VFS_PATH_MAX);
    if (target != NULL && vfs_read_link(dir, name, target, VFS_PATH_MAX) == OK) {
        console_printf(" -> ");
        shell_print_name(target);
    }
    heap_free(target);
}

/* A name that is gone, or whose path is too long, is listed with question marks. */
static void print_long(const char *dir, const char *name)
{
    struct file_stat st = {.type = FILE_OTHER};
    char date[SHELL_DATE_MAX] = "";
    if (vfs_stat(dir, name, /* follow */ false, &st) != OK) {
        console_printf("?---------   ?            ? %16s ", "");
    } else {
        if (st.modified_ns != 0) {
            shell_format_date(st.modified_ns / NS_PER_S, date);
            date[SHELL_DATE_MINUTES] = '\0';
        }
        print_mode(&st);
        console_printf(" %3u %12llu %16s ", st.links, (unsigned long long)st.size, date);
    }
    shell_print_name(name);
    if (st.type == FILE_SYMLINK) {
        print_target(dir, name);
    }
    console_printf("\n");
}

/* ---- Columns ---- */

static unsigned width_of(const struct name *n)
{
    return shell_name_columns(n->text) + (n->type == FILE_DIRECTORY ? 1 : 0);
}

static unsigned columns_of_terminal(void)
{
    const struct console *c = thread_current()->terminal;
    return c != NULL && c->columns != 0 ? c->columns : COLUMNS_UNKNOWN;
}

/* As many columns of equal width as fit; names go down each column, as in a dictionary. A
 * directory's name ends with a slash. */
static void print_columns(const struct listing *l)
{
    unsigned width = 0;
    for (size_t i = 0; i < l->count; i++) {
        unsigned w = width_of(&l->names[i]);
        width = w > width ? w : width;
    }
    size_t per_row = (columns_of_terminal() + COLUMN_GAP) / (width + COLUMN_GAP);
    per_row = per_row == 0 ? 1 : per_row;
    size_t rows = (l->count + per_row - 1) / per_row;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < l->count; i += rows) {
            const struct name *n = &l->names[i];
            shell_print_name(n->text);
            unsigned gap = i + rows < l->count ? width + COLUMN_GAP - width_of(n) : 0;
            console_printf("%s%*s", n->type == FILE_DIRECTORY ? "/" : "", (int)gap, "");
        }
        console_printf("\n");
    }
}

static void print_listing(const char *dir, const struct listing *l, const struct options *o)
{
    if (!o->is_long && !o->is_single && shell_output_is_terminal()) {
        print_columns(l);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (o->is_long) {
            print_long(dir, l->names[i].text);
        } else {
            shell_print_name(l->names[i].text);
            console_printf("\n");
        }
    }
}

/* ---- Directories ---- */

static bool is_less(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text) < 0;
}

static enum status add_name(struct listing *l, const struct dir_entry *entry)
{
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 32 : 2 * l->room;
        struct name *grown = heap_realloc(l->names, room * sizeof *grown);
        if (grown == NULL) {
            return E_NOMEM;
        }
        l->names = grown;
        l->room = room;
    }
    size_t size = strlen(entry->name) + 1;
    char *text = heap_alloc(size);
    if (text == NULL) {
        return E_NOMEM;
    }
    memcpy(text, entry->name, size);
    l->names[l->count++] = (struct name){text, entry->type};
    return OK;
}

/* Everything is read before anything is printed, since the names are sorted. A directory
 * with very many names can use up the memory of the heap; then E_NOMEM is reported after the
 * names that were read. */
static enum status read_names(struct file *dir, const struct options *o, struct listing *out)
{
    struct dir_entry entry;
    enum status s;
    while ((s = file_read_dir(dir, &entry)) == OK) {
        if (o->is_all || entry.name[0] != '.') {
            s = add_name(out, &entry);
            if (s != OK) {
                return s;
            }
        }
    }
    return s == E_NOENT ? OK : s;
}

/* An error in the middle of a damaged directory: what was read before it is listed. */
static void list_directory(const char *path, struct file *dir, const struct options *o)
{
    struct listing l = {0};
    enum status s = read_names(dir, o, &l);
    sort_array(l.names, l.count, sizeof *l.names, is_less);
    print_listing(path, &l, o);
    for (size_t i = 0; i < l.count; i++) {
        heap_free(l.names[i].text);
    }
    heap_free(l.names);
    if (s != OK) {
        shell_complain("ls", path, s);
    }
}

/* A link to a directory is followed, except with -l, which shows the link itself. */
static void list(const char *path, const struct options *o, bool has_title)
{
    struct file_stat st;
    struct file *dir;
    char full[VFS_PATH_MAX];
    enum status s = vfs_stat(SHELL_CWD, path, /* follow */ !o->is_long, &st);
    if (s == OK && st.type != FILE_DIRECTORY) {
        struct name name = {(char *)path, st.type};
        print_listing(SHELL_CWD, &(struct listing){&name, 1, 1}, o);
        return;
    }
    if (s == OK) {
        s = vfs_join(SHELL_CWD, path, full, sizeof full);
    }
    if (s == OK) {
        s = vfs_open(NULL, full, VFS_READ | VFS_DIRECTORY, &dir);
    }
    if (s != OK) {
        shell_complain("ls", path, s);
        return;
    }
    if (has_title) {
        shell_print_name(path);
        console_printf(":\n");
    }
    list_directory(full, dir, o);
    file_close(dir);
}

static bool read_options(const char *word, struct options *out)
{
    while (*++word != '\0') {
        if (*word != 'l' && *word != 'a' && *word != '1') {
            return false;
        }
        out->is_long |= *word == 'l';
        out->is_all |= *word == 'a';
        out->is_single |= *word == '1';
    }
    return true;
}

bool shell_run_ls(int argc, char **argv)
{
    struct options o = {0};
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
        if (!read_options(argv[at], &o)) {
            return false;
        }
        at++;
    }
    if (at == argc) {
        list(SHELL_CWD, &o, false);
    }
    for (int i = at; i < argc; i++) {
        list(argv[i], &o, argc - at > 1);
    }
    return true;
}
