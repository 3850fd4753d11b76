// SPDX-License-Identifier: MIT
//
// The pages of `help COMMAND`: a paragraph and an example, shown below the usage line. They are on
// the disk (programs/shell.help), because a kernel without a disk has little use for them.
#include "kernel/shell/command.h"

#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/tty/console.h"

#define PAGES_PATH "/lib/shell.help"
#define PAGES_MAX  ((size_t)64 << 10)
#define LINE_SIZE  128

/* A page is the lines between its title, "= COMMAND", and the next title. */
static void print_page(const char *at, const char *end, const char *title)
{
    bool is_shown = false;
    while (at < end) {
        char text[LINE_SIZE];
        size_t len = 0;
        while (at + len < end && at[len] != '\n') {
            len++;
        }
        fmt_print(text, sizeof text, "%.*s", (int)MIN(len, (size_t)LINE_SIZE), at);
        str_make_printable(text);
        if (text[0] == '=') {
            is_shown = strcmp(text, title) == 0;
        } else if (is_shown) {
            console_printf("%s\n", text);
        }
        at += len + 1;
    }
}

void shell_print_manual(const char *command)
{
    char title[LINE_SIZE];
    void *pages;
    size_t len;
    if (vfs_read_file(PAGES_PATH, PAGES_MAX, &pages, &len) == OK) {
        fmt_print(title, sizeof title, "= %s", command);
        print_page(pages, (const char *)pages + len, title);
        heap_free(pages);
    }
}
