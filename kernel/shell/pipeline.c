// SPDX-License-Identifier: MIT
//
// Splits a command line in two steps: operators outside quotes become words of one control
// character, which cannot be typed; then the text is split into words as elsewhere.
#include "kernel/shell/pipeline.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"

enum op { OP_NONE, OP_PIPE, OP_IN, OP_OUT, OP_OUT_APPEND, OP_ERR, OP_ERR_APPEND, OP_COUNT };

static const struct {
    const char *text;
    uint8_t file;
    bool appends;
} operators[OP_COUNT] = {
    [OP_PIPE] = {"|", 0, false}, [OP_IN] = {"<", 0, false},
    [OP_OUT] = {">", 1, false},  [OP_OUT_APPEND] = {">>", 1, true},
    [OP_ERR] = {"2>", 2, false}, [OP_ERR_APPEND] = {"2>>", 2, true},
};

/* The longest operator at this position. */
static enum op operator_at(const char *p, bool starts_word)
{
    enum op best = OP_NONE;
    for (unsigned op = OP_PIPE; op < OP_COUNT; op++) {
        bool is_longer =
            best == OP_NONE || strlen(operators[op].text) > strlen(operators[best].text);
        if (is_longer && str_has_prefix(p, operators[op].text) &&
            (operators[op].text[0] != '2' || starts_word)) {
            best = (enum op)op;
        }
    }
    return best;
}

/* Position in the text, on which a character's meaning depends. */
struct scan {
    char quote; /* the open quote, or 0 */
    bool starts_word;
};

/* Number of bytes at p to copy unchanged: a character, or a backslash with the next one. */
static size_t plain_bytes(const char *p, struct scan *scan)
{
    if (*p == '\\' && scan->quote != '\'' && p[1] != '\0') {
        scan->starts_word = false;
        return 2;
    }
    if (scan->quote == '\0' && (*p == '"' || *p == '\'')) {
        scan->quote = *p;
    } else if (*p == scan->quote) {
        scan->quote = '\0';
    }
    scan->starts_word = scan->quote == '\0' && (*p == ' ' || *p == '\t');
    return 1;
}

/* Each iteration stores at most three bytes, and one must remain for the zero. */
static bool mark_operators(const char *line, char *out, size_t room)
{
    struct scan scan = {.starts_word = true};
    size_t used = 0;
    while (*line != '\0') {
        if (used + 4 > room) {
            return false;
        }
        enum op op = scan.quote == '\0' ? operator_at(line, scan.starts_word) : OP_NONE;
        if (op != OP_NONE) {
            out[used++] = ' ';
            out[used++] = (char)op;
            out[used++] = ' ';
            line += strlen(operators[op].text);
            scan.starts_word = true;
            continue;
        }
        size_t n = plain_bytes(line, &scan);
        memcpy(out + used, line, n);
        used += n;
        line += n;
    }
    out[used] = '\0';
    return true;
}

/* The line editor never puts control characters into a line, so only mark_operators() makes such
 * words. A quoted operator stays as it was typed and is a word like any other. */
static enum op operator_of(const char *word)
{
    return word[0] > OP_NONE && word[0] < OP_COUNT && word[1] == '\0' ? (enum op)word[0] : OP_NONE;
}

static bool refuse(const char **why, const char *text)
{
    *why = text;
    return false;
}

/* `word` is the word after the operator. */
static bool redirect(struct pipeline_stage *stage, enum op op, const char *word, const char **why)
{
    unsigned file = operators[op].file;
    if (word == NULL || operator_of(word) != OP_NONE) {
        return refuse(why, "a file is missing after < or >");
    }
    if (stage->path[file] != NULL) {
        return refuse(why, "redirected twice");
    }
    stage->path[file] = word;
    stage->appends[file] = operators[op].appends;
    return true;
}

/* Each stage needs a command, and each end only one source or destination. */
static bool check_ends(const struct pipeline *p, const char **why)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct pipeline_stage *s = &p->stages[i];
        if (s->argc == 0) {
            return refuse(why, p->count > 1 ? "a command is missing beside |"
                                            : "a command is missing before < or >");
        }
        if ((i > 0 && s->path[0] != NULL) || (i + 1 < p->count && s->path[1] != NULL)) {
            return refuse(why, "redirected twice: by | and by < or >");
        }
    }
    return true;
}

/* Sort words into stages; each stage's words are contiguous and end with NULL. */
static bool sort_words(struct pipeline *p, char **words, int count, const char **why)
{
    char **to = p->words;
    p->count = 1;
    struct pipeline_stage *stage = &p->stages[0];
    stage->argv = to;
    for (int i = 0; i < count; i++) {
        enum op op = operator_of(words[i]);
        if (op == OP_NONE) {
            *to++ = words[i];
            stage->argc++;
        } else if (op != OP_PIPE) {
            if (!redirect(stage, op, i + 1 < count ? words[i + 1] : NULL, why)) {
                return false;
            }
            i++;
        } else if (p->count == PIPELINE_STAGES) {
            return refuse(why, "more than 8 commands");
        } else {
            *to++ = NULL;
            stage = &p->stages[p->count++];
            stage->argv = to;
        }
    }
    *to = NULL;
    return check_ends(p, why);
}

/* The result points into out->text and out->words, so *out must neither be copied nor freed while
 * the programs run. An empty line is a pipeline of no stages, and no error. */
bool pipeline_parse(const char *line, struct pipeline *out, const char **why)
{
    char *words[PIPELINE_WORDS];
    memset(out->stages, 0, sizeof(out->stages));
    out->count = 0;
    if (!mark_operators(line, out->text, sizeof(out->text))) {
        return refuse(why, "too long");
    }
    int count = words_split(out->text, words, PIPELINE_WORDS);
    if (count < 0) {
        return refuse(why, "more than 64 words");
    }
    return count == 0 || sort_words(out, words, count, why);
}
