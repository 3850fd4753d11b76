// SPDX-License-Identifier: MIT
//
// grep: lines that match a regular expression. Status 1: none did; 2: an error.
#include "command.h"
#include "match.h"

enum { IGNORE_CASE, NUMBERS, INVERT, COUNT, FLAGS };
static bool flags[FLAGS], has_names, has_found;
static const char *pattern;

static void print_match(const struct input *in, uint64_t number, const char *line, size_t len)
{
    if (has_names) {
        out_name(in->name);
        out(":");
    }
    if (flags[NUMBERS]) {
        out_number(number, 1);
        out(":");
    }
    out_bytes(line, len);
    out("\n");
}

static void grep(struct input *in)
{
    char *line;
    size_t len;
    uint64_t number = 0, count = 0;
    if (is_output(in)) {
        return;
    }
    while (!output.is_broken && next_line(in, &line, &len)) {
        struct text found;
        len -= line[len - 1] == '\n';
        number++;
        if (match(pattern, (struct text){line, line + len}, true, &found) == flags[INVERT]) {
            continue;
        }
        has_found = true;
        count++;
        if (!flags[COUNT]) {
            print_match(in, number, line, len);
        }
    }
    if (flags[COUNT]) {
        if (has_names) {
            out_name(in->name);
            out(":");
        }
        out_number(count, 1);
        out("\n");
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "grep [-invc] PATTERN [FILE...]   (PATTERN: ^ $ . * \\)");
    int first = take_flags(argc, argv, "invc", flags);
    if (first == argc) {
        misused();
    }
    pattern = argv[first++];
    match_ignores_case = flags[IGNORE_CASE];
    has_names = argc - first > 1;
    for_each_input(argc - first, argv + first, grep);
    command_status = command_status != 0 ? 2 : has_found ? 0 : 1;
    finish();
}
