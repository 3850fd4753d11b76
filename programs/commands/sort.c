// SPDX-License-Identifier: MIT
//
// sort: sorts lines, by bytes or by the number at their start.
#include "command.h"

enum { REVERSE, NUMERIC, UNIQUE, FLAGS };
static bool flags[FLAGS];

struct line {
    char *text; /* without the newline */
    size_t len;
};

static struct line *lines;
static size_t count, room;

static void add_lines(struct input *in)
{
    char *line;
    size_t len;
    while (next_line(in, &line, &len)) {
        len -= line[len - 1] == '\n';
        if (count == room) {
            room = room == 0 ? 256 : 2 * room;
            lines = must(realloc(lines, room * sizeof *lines));
        }
        char *text = must(malloc(len + 1));
        memcpy(text, line, len);
        text[len] = '\0';
        lines[count++] = (struct line){text, len};
    }
}

static int compare_bytes(const struct line *a, const struct line *b)
{
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(const void *x, const void *y)
{
    const struct line *a = x, *b = y;
    int order = 0;
    if (flags[NUMERIC]) {
        long long m = strtoll(a->text, NULL, 10), n = strtoll(b->text, NULL, 10);
        order = (m > n) - (m < n);
    }
    order = order != 0 ? order : compare_bytes(a, b);
    return flags[REVERSE] ? -order : order;
}

int main(int argc, char **argv)
{
    begin(argc, argv, "sort [-rnu] [FILE...]");
    int first = take_flags(argc, argv, "rnu", flags);
    for_each_input(argc - first, argv + first, add_lines);
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0; i < count; i++) {
        if (!(flags[UNIQUE] && i > 0 && compare_bytes(&lines[i - 1], &lines[i]) == 0)) {
            out_bytes(lines[i].text, lines[i].len);
            out("\n");
        }
    }
    finish();
}
