// SPDX-License-Identifier: MIT
//
// ed: a line editor, much as in Unix: commands of one letter, with the lines that they are for
// before them. `h` lists them. Nothing is written unless `w` says so.
#include "command.h"
#include "match.h"

static char **lines; /* without newlines; lines[0] is line 1 */
static size_t count, room, current;
static char *file_name;
static bool is_changed, has_warned;
static struct input typed;

static const char help[] = "lines: 5   .   $   /WORD/   1,5   , (all)   .+2   $-1\n"
                           "a i c  append, insert, change: type lines, end with a single .\n"
                           "p n    print, print with numbers     d  delete\n"
                           "s/OLD/NEW/  substitute, with g for all in a line\n"
                           "w [FILE]  write     q  quit     Q  quit without writing\n";

static bool wrong(const char *why)
{
    out("? ");
    out(why);
    out("\n");
    return false;
}

/* ---- The text ---- */

static void insert_line(size_t at, const char *text, size_t len)
{
    if (count == room) {
        room = room == 0 ? 64 : 2 * room;
        lines = must(realloc(lines, room * sizeof *lines));
    }
    char *copy = must(malloc(len + 1));
    memcpy(copy, text, len);
    copy[len] = '\0';
    memmove(lines + at + 1, lines + at, (count - at) * sizeof *lines);
    lines[at] = copy;
    count++;
}

static void delete_lines(size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        free(lines[i - 1]);
    }
    memmove(lines + first - 1, lines + last, (count - last) * sizeof *lines);
    count -= last - first + 1;
    current = first <= count ? first : count;
    is_changed = true;
}

static bool read_file(const char *name)
{
    struct input in = {.name = name, .fd = open(name, O_RDONLY)};
    char *line;
    size_t len;
    if (in.fd < 0) {
        return wrong(strerror(errno));
    }
    while (next_line(&in, &line, &len)) {
        insert_line(count, line, len - (line[len - 1] == '\n'));
    }
    close_input(&in);
    current = count;
    out_number(count, 1);
    out(" lines\n");
    return true;
}

static bool write_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool is_good = fd >= 0;
    for (size_t i = 0; is_good && i < count; i++) {
        is_good = write_all(fd, lines[i], strlen(lines[i])) && write_all(fd, "\n", 1);
    }
    if (!is_good) {
        (void)wrong(strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    is_changed = is_changed && !is_good;
    if (is_good) {
        out_number(count, 1);
        out(" lines written\n");
    }
    return is_good;
}

/* ---- Lines ---- */

/* Ends the text at the next delimiter that has no backslash before it. @return what follows. */
static char *cut_at(char *text, char delimiter)
{
    while (*text != '\0' && *text != delimiter) {
        text += *text == '\\' && text[1] != '\0' ? 2 : 1;
    }
    if (*text != '\0') {
        *text++ = '\0';
    }
    return text;
}

/* Searches from the next line on, and around the end. @return 0: not found. */
static size_t search(const char *pattern)
{
    for (size_t i = 0; i < count; i++) {
        size_t number = (current + i) % count + 1;
        const char *text = lines[number - 1];
        struct text found;
        if (match(pattern, (struct text){text, text + strlen(text)}, true, &found)) {
            return number;
        }
    }
    return 0;
}

static size_t read_count(char **at)
{
    size_t n = 0;
    while (**at >= '0' && **at <= '9' && n < INT32_MAX / 10) {
        n = 10 * n + (size_t)(*(*at)++ - '0');
    }
    return n;
}

/* One address. @return false: a search failed. *has: whether there was one. */
static bool read_address(char **at, size_t *line, bool *has)
{
    char c = **at;
    *has = true;
    if (c >= '0' && c <= '9') {
        *line = read_count(at);
    } else if (c == '.' || c == '$') {
        *line = c == '.' ? current : count;
        (*at)++;
    } else if (c == '/') {
        char *pattern = *at + 1;
        *at = cut_at(pattern, '/');
        *line = search(pattern);
        if (*line == 0) {
            return wrong("not found");
        }
    } else if (c == '+' || c == '-') {
        *line = current;
    } else {
        *has = false;
    }
    while (**at == '+' || **at == '-') {
        bool is_minus = *(*at)++ == '-';
        size_t n = **at >= '0' && **at <= '9' ? read_count(at) : 1;
        *line = !is_minus ? *line + n : n < *line ? *line - n : 0;
    }
    return true;
}

struct range {
    size_t first, last;
    bool is_given;
};

static bool read_range(char **at, struct range *r)
{
    bool has_first, has_last = false;
    r->first = current;
    if (!read_address(at, &r->first, &has_first)) {
        return false;
    }
    r->last = r->first;
    if (**at == ',' || **at == '%') {
        (*at)++;
        r->last = count;
        r->first = has_first ? r->first : 1;
        if (!read_address(at, &r->last, &has_last)) {
            return false;
        }
        has_first = true;
    }
    r->is_given = has_first;
    return (r->first <= r->last && r->last <= count) || wrong("no such line");
}

/* ---- Commands ---- */

static void print(struct range r, bool has_numbers)
{
    for (size_t i = r.first; i <= r.last; i++) {
        if (has_numbers) {
            out_number(i, 6);
            out("  ");
        }
        out(lines[i - 1]);
        out("\n");
    }
    current = r.last;
}

/* Lines up to a single dot, or the end of the input. */
static void append(size_t at)
{
    char *line;
    size_t len;
    out_flush();
    while (next_line(&typed, &line, &len)) {
        len -= line[len - 1] == '\n';
        if (len == 1 && line[0] == '.') {
            break;
        }
        insert_line(at++, line, len);
        is_changed = true;
    }
    current = at;
}

static char *grown, *grown_end;
static void add_text(const char *s, size_t len)
{
    size_t used = (size_t)(grown_end - grown);
    grown = must(realloc(grown, used + len + 1));
    memcpy(grown + used, s, len);
    grown_end = grown + used + len;
    *grown_end = '\0';
}

/* @return true: it was changed. An empty match is replaced, too, and then passes one character. */
static bool substitute_line(size_t number, const char *old, const char *new, bool is_all)
{
    struct text text = {lines[number - 1], lines[number - 1] + strlen(lines[number - 1])}, found;
    bool is_start = true, any = false;
    grown_end = grown;
    while (match(old, text, is_start, &found)) {
        add_text(text.at, (size_t)(found.at - text.at));
        add_text(new, strlen(new));
        text.at = found.end;
        any = true;
        if (found.end == found.at && text.at < text.end) {
            add_text(text.at++, 1);
        } else if (found.end == found.at) {
            break;
        }
        is_start = false;
        if (!is_all) {
            break;
        }
    }
    if (any) {
        add_text(text.at, (size_t)(text.end - text.at));
        free(lines[number - 1]);
        lines[number - 1] = must(strdup(grown));
    }
    return any;
}

static bool substitute(struct range r, char *at)
{
    char delimiter = *at;
    char *old = at + 1;
    if (delimiter == '\0' || delimiter == ' ') {
        return wrong("s/OLD/NEW/");
    }
    char *new = cut_at(old, delimiter);
    bool is_all = strchr(cut_at(new, delimiter), 'g') != NULL, any = false;
    for (size_t i = r.first; i <= r.last && i > 0; i++) {
        if (substitute_line(i, old, new, is_all)) {
            any = true;
            current = i;
        }
    }
    is_changed |= any;
    return any || wrong("not found");
}

static bool write_named(const char *name)
{
    while (*name == ' ') {
        name++;
    }
    if (*name != '\0') {
        free(file_name);
        file_name = must(strdup(name));
    }
    return file_name != NULL ? write_file(file_name) : wrong("which file?");
}

/* @return false: the end. */
static bool quit(bool is_forced)
{
    if (is_changed && !is_forced && !has_warned) {
        has_warned = true;
        (void)wrong("not written; q again, or w");
        return true;
    }
    return false;
}

/* Commands that need a line. */
static void edit(char c, struct range r, char *rest)
{
    if (r.first == 0) {
        (void)wrong("no such line");
    } else if (c == 'p' || c == 'n') {
        print(r, c == 'n');
    } else if (c == 's') {
        (void)substitute(r, rest);
    } else {
        delete_lines(r.first, r.last);
        if (c == 'c') {
            append(r.first - 1);
        }
    }
}

static bool run(char *line)
{
    struct range r;
    while (*line == ' ') {
        line++;
    }
    if (!read_range(&line, &r)) {
        return true;
    }
    bool is_enter = *line == '\0';
    char c = is_enter ? 'p' : *line++;
    if (is_enter && !r.is_given) {
        r.first = r.last = current + 1; /* Enter: the next line */
        if (r.last > count) {
            (void)wrong("the end");
            return true;
        }
    }
    if (c == 'q' || c == 'Q') {
        return quit(c == 'Q');
    }
    has_warned = false;
    if (strchr("pnsdc", c) != NULL) {
        edit(c, r, line);
    } else if (c == 'a' || c == 'i') {
        append(c == 'a' || r.last == 0 ? r.last : r.last - 1);
    } else if (c == 'w') {
        bool is_end = *line == 'q';
        return !(write_named(line + is_end) && is_end);
    } else if (c == '=') {
        out_number(r.is_given ? r.last : count, 1);
        out("\n");
    } else if (c == 'h') {
        out(help);
    } else {
        (void)wrong("h lists the commands");
    }
    return true;
}

int main(int argc, char **argv)
{
    begin(argc, argv, "ed [FILE]   (h lists the commands)");
    char *line, *command = NULL;
    size_t len;
    if (argc > 2) {
        misused();
    }
    if (argc == 2) {
        file_name = must(strdup(argv[1]));
        (void)read_file(file_name);
    }
    out_flush();
    bool goes_on = true;
    while (goes_on && next_line(&typed, &line, &len)) {
        command = must(realloc(command, len + 1));
        memcpy(command, line, len);
        command[len - (line[len - 1] == '\n')] = '\0';
        command[len] = '\0';
        goes_on = run(command);
        out_flush();
    }
    command_status |= is_changed && goes_on; /* the input ended with unwritten lines */
    finish();
}
