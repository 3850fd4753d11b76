// SPDX-License-Identifier: MIT
//
// less: shows text one page at a time. Enter shows the next page, a number that many lines, /WORD
// goes on to a line that contains WORD, q ends. Control characters are shown, not sent.
#include "command.h"

#define ROWS_DEFAULT 24u

static int keyboard; /* standard input, or what errors go to if the text comes from there */
static uint64_t rows = ROWS_DEFAULT - 1, left;
static char wanted[PATH_BYTES]; /* skip to a line with it; "": show all */

static void show_line(const char *line, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)line[i];
        size_t n = c == '\n' || c == '\t' ? 1 : harmless_length(line + i, len - i);
        if (n > 0) {
            out_bytes(&line[i], n);
        } else if (c < 0x80) {
            char caret[2] = {'^', (char)(c ^ 0x40)};
            out_bytes(caret, 2);
        } else {
            out("\\x");
            out_hex(c, 2);
        }
        i += n > 0 ? n : 1;
    }
}

/* @return false: it is enough. */
static bool ask(const char *name)
{
    char answer[PATH_BYTES];
    out("-- ");
    out_name(name);
    out(": Enter, LINES, /WORD or q -- ");
    out_flush();
    ssize_t n = read(keyboard, answer, sizeof answer - 1);
    if (n <= 0 || answer[0] == 'q') {
        return false;
    }
    answer[n - (answer[n - 1] == '\n')] = '\0';
    left = rows;
    if (answer[0] == '/') {
        strcpy(wanted, answer + 1);
    } else if (answer[0] != '\0' && !parse_number(answer, &left)) {
        left = rows;
    }
    return true;
}

static bool contains(const char *line, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++) {
        if (memcmp(line + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

static void page(struct input *in)
{
    char *line;
    size_t len;
    left = rows;
    while (!output.is_broken && next_line(in, &line, &len)) {
        if (wanted[0] != '\0' && !contains(line, len, wanted)) {
            continue;
        }
        wanted[0] = '\0';
        if (left == 0 && !ask(in->name)) {
            finish();
        }
        left--;
        show_line(line, len);
    }
    if (wanted[0] != '\0') {
        complain(wanted, "not found");
        wanted[0] = '\0';
    }
}

static void copy(struct input *in)
{
    bool has_more = !is_output(in);
    while (has_more && !output.is_broken && fill(in)) {
        out_bytes(in->bytes + in->at, in->end - in->at);
        in->at = in->end;
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "less [FILE...]");
    int first = take_flags(argc, argv, "", NULL);
    const char *lines = getenv("LINES");
    uint64_t n;
    if (lines != NULL && parse_number(lines, &n) && n > 1) {
        rows = n - 1;
    }
    keyboard = argc > first ? 0 : 2;
    for_each_input(argc - first, argv + first, isatty(1) ? page : copy);
    finish();
}
