// SPDX-License-Identifier: MIT
//
// A parser by recursive descent. Only loops and conditions nest, to SYNTAX_DEPTH; everything else
// is a list.
#include "kernel/shell/syntax.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#include <stdarg.h>

enum token {
    TOKEN_END,
    TOKEN_LINE, /* end of a line */
    TOKEN_WORD,
    TOKEN_PIPE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_SEMICOLON,
    TOKEN_BACKGROUND,
    TOKEN_FILE, /* a redirection: `file` says which */
};

/* One token of look-ahead, and no back-tracking except in parse_time(). Words are not copied: they
 * point into the text, which the owner of the tree keeps (struct source of session.h). Nodes are in
 * an arena whose limit bounds the memory of any text; parse_list() and parse_compound() call each
 * other at most SYNTAX_DEPTH times. */
struct parser {
    const char *at;                   /* the rest of the text */
    const char *token_at, *token_end; /* the current token, the end of the one before */
    struct arena *arena;
    struct syntax_error *error;
    unsigned depth;
    uint32_t line;
    bool has_failed;
    /* the current token */
    enum token token;
    enum word_kind file;
    const char *word;
    uint32_t len;
};

static void fail(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The first error counts. From then on every token is the end, which stops all loops. */
static void fail(struct parser *p, const char *fmt, ...)
{
    if (!p->has_failed) {
        va_list args;
        va_start(args, fmt);
        (void)fmt_vprint(p->error->text, sizeof p->error->text, fmt, args);
        va_end(args);
        str_make_printable(p->error->text);
        p->error->line = p->line;
    }
    p->has_failed = true;
    p->token = TOKEN_END;
}

static void *allocate(struct parser *p, size_t size)
{
    void *node = arena_alloc(p->arena, size);
    if (node == NULL) {
        fail(p, "no memory");
    }
    return node;
}

/* --- words --- */

size_t syntax_name(const char *s)
{
    size_t n = 0;
    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || s[n] == '_' ||
           (n > 0 && s[n] >= '0' && s[n] <= '9')) {
        n++;
    }
    return n;
}

/* Check what follows a dollar sign. @return the last byte that was looked at. Everything that other
 * shells would expand and this one does not is refused here, before anything runs. What is accepted
 * must be what put_dollar() of expand.c expands. */
static const char *check_dollar(struct parser *p, const char *s)
{
    if (s[1] == '(') {
        fail(p, "$( is not supported");
    } else if (s[1] == '*' || s[1] == '!' || s[1] == '$' || s[1] == '-') {
        fail(p, "$%c is not supported", s[1]);
    } else if (s[1] == '{') {
        size_t n = syntax_name(s + 2);
        if (n == 0 || s[2 + n] != '}') {
            fail(p, "${ needs a name and }: other forms are not supported");
        } else {
            return s + 2 + n;
        }
    }
    return s;
}

/* Parentheses end a word, too, so that they are refused and not taken for a part of a name. */
static bool ends_word(char c)
{
    return c == '\0' || strchr(" \t\r\n;&|<>()", c) != NULL;
}

/* Read a word; its quotes stay. A newline may be in quotes or after a backslash. The same rules of
 * quotes as in expand_text() of expand.c, which sees the word again and relies on closed quotes. A
 * backslash in single quotes is an ordinary character. The text ends with a zero, and `s` never
 * passes it: after a backslash only if another byte follows. */
static void read_word(struct parser *p)
{
    char quote = '\0';
    const char *s = p->at;
    for (; *s != '\0' && (quote != '\0' || !ends_word(*s)); s++) {
        p->line += *s == '\n';
        if (*s == '\\' && quote != '\'' && s[1] != '\0') {
            s++;
            p->line += *s == '\n';
        } else if (*s == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*s == '\'' || *s == '"')) {
            quote = *s;
        } else if (*s == '`' && quote != '\'') {
            fail(p, "` is not supported");
        } else if (*s == '$' && quote != '\'') {
            s = check_dollar(p, s);
        }
        if (p->has_failed) {
            return;
        }
    }
    if (quote != '\0') {
        fail(p, "the quote %c is not closed", quote);
        return;
    }
    p->word = p->at;
    p->len = (uint32_t)(s - p->at);
    p->at = s;
    p->token = TOKEN_WORD;
}

/* --- tokens --- */

static const struct {
    const char *text;
    enum token token;
    enum word_kind file;
} operators[] = {
    /* longer ones first */
    {"2>&1", TOKEN_FILE, WORD_ERR_TO_OUT},
    {"2>>", TOKEN_FILE, WORD_ERR_APPEND},
    {">&2", TOKEN_FILE, WORD_OUT_TO_ERR},
    {"&&", TOKEN_AND, 0},
    {"||", TOKEN_OR, 0},
    {">>", TOKEN_FILE, WORD_APPEND},
    {"2>", TOKEN_FILE, WORD_ERR},
    {"|", TOKEN_PIPE, 0},
    {"&", TOKEN_BACKGROUND, 0},
    {";", TOKEN_SEMICOLON, 0},
    {">", TOKEN_FILE, WORD_OUT},
    {"<", TOKEN_FILE, WORD_IN},
    {"\n", TOKEN_LINE, 0},
};

/* Not in the table above, where their beginnings are. */
static const char *const unsupported[] = {"<<",  "<&", "<>", ";;", "|&", "&>",
                                          "2>&", ">&", ">|", "(",  ")",  "~"};

/* Length of a redirection of a numbered file, such as 3>; 0: none, or 2>, which is supported. */
static size_t numbered_file(const char *s)
{
    size_t n = 0;
    while (s[n] >= '0' && s[n] <= '9') {
        n++;
    }
    bool is_one = n > 0 && (s[n] == '<' || s[n] == '>');
    return is_one && !str_has_prefix(s, "2>") ? n + 1 : 0;
}

/* Called before a word, and where an operator of one or two bytes would match. Longer ones, such as
 * 2>&1, begin with some of these and are supported. Only the next bytes are compared; inside a word
 * read_word() decides. */
static bool check_supported(struct parser *p)
{
    size_t n = numbered_file(p->at);
    if (n > 0) {
        fail(p, "%.*s is not supported", (int)n, p->at);
        return false;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(unsupported); i++) {
        if (str_has_prefix(p->at, unsupported[i])) {
            fail(p, "%s is not supported", unsupported[i]);
            return false;
        }
    }
    return true;
}

static void skip_blanks(struct parser *p)
{
    for (;;) {
        if (p->at[0] == '\\' && p->at[1] == '\n') {
            p->at += 2;
            p->line++;
        } else if (*p->at == ' ' || *p->at == '\t' || *p->at == '\r') {
            p->at++;
        } else {
            break;
        }
    }
    if (*p->at == '#') {
        while (*p->at != '\n' && *p->at != '\0') {
            p->at++;
        }
    }
}

/* Read the next token into p->token. Operators are tried before words, the longest first.
 * Beginnings of forms that other shells know and this one does not are refused by name, so that no
 * script means something else here. The line number grows when the token after a line's end is
 * read, so an error at the end of a line names that line. token_end is the end of the previous
 * token, without blanks: the text of a job ends there. */
static void advance(struct parser *p)
{
    if (p->has_failed) {
        return;
    }
    p->line += p->token == TOKEN_LINE;
    p->token_end = p->at;
    skip_blanks(p);
    p->token_at = p->at;
    if (*p->at == '\0') {
        p->token = TOKEN_END;
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
        size_t n = strlen(operators[i].text);
        if (!str_has_prefix(p->at, operators[i].text)) {
            continue;
        }
        if (n < 3 && !check_supported(p)) {
            return;
        }
        p->at += n;
        p->token = operators[i].token;
        p->file = operators[i].file;
        return;
    }
    if (check_supported(p)) {
        read_word(p);
    }
}

static bool is_word(const struct parser *p, const char *text)
{
    return p->token == TOKEN_WORD && p->len == strlen(text) && memcmp(p->word, text, p->len) == 0;
}

static void skip_lines(struct parser *p)
{
    while (p->token == TOKEN_LINE) {
        advance(p);
    }
}

/* --- commands --- */

static struct syntax_pipe *parse_list(struct parser *p);

static bool is_one_of(const struct parser *p, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (is_word(p, words[i])) {
            return true;
        }
    }
    return false;
}

/* Words that end a list. */
static bool is_closing(const struct parser *p)
{
    static const char *const words[] = {"then", "elif", "else", "fi", "do", "done"};
    return is_one_of(p, words, ARRAY_COUNT(words));
}

static bool is_unsupported(const struct parser *p)
{
    static const char *const words[] = {"case", "until", "select", "function", "{", "}", "[["};
    return is_one_of(p, words, ARRAY_COUNT(words));
}

/* If the text ends here, the user may be in the middle of a construct: the shell then
 * asks for another line. */
static bool expect(struct parser *p, const char *word)
{
    if (!is_word(p, word)) {
        bool is_incomplete = p->token == TOKEN_END && !p->has_failed;
        fail(p, "`%s` is missing", word);
        p->error->is_incomplete = is_incomplete || p->error->is_incomplete;
        return false;
    }
    advance(p);
    return true;
}

/* A list that a word ends, and the word. NULL closes nothing: the caller does. An empty list is an
 * error, as in POSIX, but not at the end of the text: there expect() makes it "incomplete", and the
 * shell asks for another line. */
static struct syntax_pipe *parse_until(struct parser *p, const char *word)
{
    struct syntax_pipe *list = parse_list(p);
    if (list == NULL && p->token != TOKEN_END) {
        fail(p, "a command is missing before `%.*s`", (int)p->len, p->word);
    }
    if (word != NULL) {
        (void)expect(p, word);
    }
    return list;
}

static void add_word(struct parser *p, struct syntax_word ***to, enum word_kind kind)
{
    struct syntax_word *w = allocate(p, sizeof *w);
    if (w != NULL) {
        *w = (struct syntax_word){.text = p->word, .len = p->len, .kind = kind};
        **to = w;
        *to = &w->next;
        advance(p);
    }
}

static void parse_file(struct parser *p, struct syntax_word ***to)
{
    enum word_kind kind = p->file;
    if (kind == WORD_ERR_TO_OUT || kind == WORD_OUT_TO_ERR) {
        p->len = 0;
        add_word(p, to, kind);
        return;
    }
    advance(p);
    if (p->token != TOKEN_WORD) {
        fail(p, "a file is missing after < or >");
        return;
    }
    add_word(p, to, kind);
}

/* Words of the form NAME=VALUE are assignments as long as no command name came before them.
 * Redirections may be anywhere. A word is an assignment only by its unquoted beginning: a quote in
 * the name makes it an ordinary word. p->word is inside the zero-terminated text, so the byte after
 * a name can be read. */
static void parse_simple(struct parser *p, struct syntax_command *c)
{
    struct syntax_word **words = &c->words, **files = &c->files;
    bool has_name = false;
    while (p->token == TOKEN_WORD || p->token == TOKEN_FILE) {
        if (p->token == TOKEN_FILE) {
            parse_file(p, &files);
            continue;
        }
        size_t n = has_name ? 0 : syntax_name(p->word);
        bool is_assignment = n > 0 && p->word[n] == '=';
        has_name = has_name || !is_assignment;
        add_word(p, &words, is_assignment ? WORD_ASSIGN : WORD_PLAIN);
    }
}

/* A loop, not a recursion, so a chain of elif may have any length. Each elif is a branch with a
 * test, the last `else` one without, and `fi` ends all. */
static void parse_if(struct parser *p, struct syntax_command *c)
{
    while (!p->has_failed) {
        c->kind = COMMAND_IF;
        c->test = parse_until(p, "then");
        c->body = parse_until(p, NULL);
        bool has_more = is_word(p, "elif");
        if (!has_more && !is_word(p, "else")) {
            break;
        }
        advance(p);
        struct syntax_command *branch = allocate(p, sizeof *branch);
        if (branch == NULL) {
            return;
        }
        c->other = branch;
        c = branch;
        if (!has_more) {
            c->body = parse_until(p, NULL);
            break;
        }
    }
    (void)expect(p, "fi");
}

static void parse_for(struct parser *p, struct syntax_command *c)
{
    struct syntax_word **words = &c->words;
    c->kind = COMMAND_FOR;
    if (p->token != TOKEN_WORD || syntax_name(p->word) != p->len) {
        fail(p, "`for` needs the name of a variable");
        return;
    }
    add_word(p, &words, WORD_PLAIN);
    if (!expect(p, "in")) {
        return;
    }
    while (p->token == TOKEN_WORD) {
        add_word(p, &words, WORD_PLAIN);
    }
    if (p->token == TOKEN_SEMICOLON) {
        advance(p);
    }
    skip_lines(p);
    if (expect(p, "do")) {
        c->body = parse_until(p, "done");
    }
}

static void parse_while(struct parser *p, struct syntax_command *c)
{
    c->kind = COMMAND_WHILE;
    c->test = parse_until(p, "do");
    c->body = parse_until(p, "done");
}

static void parse_compound(struct parser *p, struct syntax_command *c)
{
    bool is_if = is_word(p, "if"), is_while = is_word(p, "while");
    if (p->depth == SYNTAX_DEPTH) {
        fail(p, "more than %u conditions and loops inside each other", SYNTAX_DEPTH);
        return;
    }
    p->depth++;
    advance(p);
    if (is_if) {
        parse_if(p, c);
    } else if (is_while) {
        parse_while(p, c);
    } else {
        parse_for(p, c);
    }
    p->depth--;
    struct syntax_word **files = &c->files;
    while (p->token == TOKEN_FILE) {
        parse_file(p, &files);
    }
}

static struct syntax_command *parse_command(struct parser *p)
{
    struct syntax_command *c = allocate(p, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    if (is_word(p, "if") || is_word(p, "while") || is_word(p, "for")) {
        parse_compound(p, c);
    } else if (is_unsupported(p)) {
        fail(p, "%.*s is not supported", (int)p->len, p->word);
    } else if (is_closing(p)) {
        fail(p, "`%.*s` has no beginning", (int)p->len, p->word);
    } else {
        parse_simple(p, c);
    }
    return c;
}

/* True if a command begins here. */
static bool has_command(const struct parser *p)
{
    return p->token == TOKEN_WORD || p->token == TOKEN_FILE;
}

/* `time --help` is a command, which shows the help. The parser's state is copied and restored. That
 * is safe, because advance() allocates nothing, and because a parser that is restored has seen no
 * error: after one the token is no word. */
static void parse_time(struct parser *p, struct syntax_pipe *pipe)
{
    struct parser before = *p;
    if (is_word(p, "time")) {
        advance(p);
        pipe->is_timed = !is_word(p, "--help");
        *p = pipe->is_timed ? *p : before;
    }
}

static struct syntax_pipe *parse_pipe(struct parser *p)
{
    struct syntax_pipe *pipe = allocate(p, sizeof *pipe);
    if (pipe == NULL) {
        return NULL;
    }
    pipe->text = p->token_at;
    parse_time(p, pipe);
    while (is_word(p, "!")) {
        pipe->is_negated = !pipe->is_negated;
        advance(p);
    }
    struct syntax_command **to = &pipe->commands;
    do {
        if (pipe->count > 0) {
            advance(p); /* the bar */
        }
        if (!has_command(p) || pipe->count == SYNTAX_STAGES) {
            static const char *const before[] = {[TOKEN_PIPE] = "beside |",
                                                 [TOKEN_AND] = "beside &&",
                                                 [TOKEN_OR] = "beside ||",
                                                 [TOKEN_SEMICOLON] = "before ;",
                                                 [TOKEN_BACKGROUND] = "before &"};
            const char *where = p->token < ARRAY_COUNT(before) ? before[p->token] : NULL;
            if (has_command(p)) {
                fail(p, "more than %u commands", SYNTAX_STAGES);
            } else {
                fail(p, "a command is missing %s",
                     pipe->count > 0  ? before[TOKEN_PIPE]
                     : where != NULL  ? where
                     : pipe->is_timed ? "after time"
                                      : "after !");
            }
            return NULL;
        }
        *to = parse_command(p);
        pipe->count++;
        if (p->has_failed) {
            return NULL;
        }
        to = &(*to)->next;
    } while (p->token == TOKEN_PIPE);
    pipe->len = (uint32_t)(p->token_end - pipe->text);
    return pipe;
}

/* `&&` and `||` connect a pipeline with the next one, which may be in the next line. */
static bool parse_join(struct parser *p, struct syntax_pipe *pipe)
{
    bool is_and = p->token == TOKEN_AND;
    if (!is_and && p->token != TOKEN_OR) {
        return false;
    }
    pipe->join = is_and ? JOIN_AND : JOIN_OR;
    advance(p);
    skip_lines(p);
    if (!has_command(p)) {
        fail(p, "a command is missing beside %s", is_and ? "&&" : "||");
    }
    return true;
}

/* Up to a word that ends a list, or the end of the text. `chain` is the first pipeline of those
 * that && and || connect. Only there `last` is set, and only if the chain ends with &: run_list()
 * then starts the whole chain as one job. */
static struct syntax_pipe *parse_list(struct parser *p)
{
    struct syntax_pipe *first = NULL, *chain = NULL, **to = &first;
    skip_lines(p);
    while (p->token != TOKEN_END && !is_closing(p)) {
        struct syntax_pipe *pipe = parse_pipe(p);
        if (pipe == NULL) {
            return NULL;
        }
        *to = pipe;
        to = &pipe->next;
        chain = chain != NULL ? chain : pipe;
        if (parse_join(p, pipe)) {
            continue;
        }
        if (p->token == TOKEN_BACKGROUND) {
            chain->last = pipe;
        }
        chain = NULL;
        if (p->token == TOKEN_BACKGROUND || p->token == TOKEN_SEMICOLON) {
            advance(p);
        } else if (p->token == TOKEN_WORD) {
            fail(p, "%.*s: not expected after `fi` or `done`", (int)p->len, p->word);
        }
        skip_lines(p);
    }
    return first;
}

bool syntax_parse(const char *text, struct arena *arena, struct syntax_pipe **out,
                  struct syntax_error *error)
{
    struct parser p = {.at = text, .arena = arena, .error = error, .line = 1};
    *error = (struct syntax_error){.line = 0};
    advance(&p);
    struct syntax_pipe *list = parse_list(&p);
    if (!p.has_failed && p.token != TOKEN_END) {
        fail(&p, "`%.*s` has no beginning", (int)p.len, p.word);
    }
    if (!p.has_failed) {
        *out = list;
    }
    return !p.has_failed;
}
