// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as a kernel command line, a typed line, a program's arguments, a pattern and a
// number: each result is terminated and lies within its buffer.
#include "fake/world.h"
#include "kernel/boot/cmdline.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"
#include "kernel/shell/expand.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_inside(const struct cmdline *c, const char *s)
{
    check(s >= c->text && s + strlen(s) < c->text + sizeof(c->text));
}

static void parse(const char *text)
{
    static struct cmdline c;
    cmdline_parse(text, &c);
    if (c.run != NULL) {
        check_inside(&c, c.run);
    }
    if (*c.run_args != '\0') {
        check_inside(&c, c.run_args);
    }
    for (uint32_t i = 0; i < c.unknown_count && i < sizeof(c.unknown) / sizeof(c.unknown[0]); i++) {
        check_inside(&c, c.unknown[i]);
    }
    check(c.loglevel >= -1 && c.loglevel <= 3 && c.maxcpus <= CPU_MAX);
    check(c.shell || c.poweroff || c.run != NULL || c.test != NULL || c.bench != NULL);
}

static void split(char *text, size_t size)
{
    char *argv[8];
    int argc = words_split(text, argv, 8);
    check(argc <= 8);
    for (int i = 0; i < argc; i++) {
        check(argv[i] >= text && argv[i] + strlen(argv[i]) <= text + size);
    }
}

static void check_words(const struct syntax_word *w, const char *text)
{
    for (; w != NULL; w = w->next) {
        check(w->len == 0 || (w->text >= text && w->text + w->len <= text + strlen(text)));
    }
}

static void check_list(const struct syntax_pipe *p, const char *text, unsigned depth)
{
    check(depth <= SYNTAX_DEPTH);
    for (; p != NULL; p = p->next) {
        uint32_t count = 0;
        check(p->join == JOIN_NEXT || p->next != NULL);
        check(p->text >= text && p->text + p->len <= text + strlen(text));
        for (const struct syntax_command *c = p->commands; c != NULL; c = c->next) {
            count++;
            check_words(c->words, text);
            check_words(c->files, text);
            check(c->kind == COMMAND_SIMPLE || c->body != NULL);
            for (const struct syntax_command *b = c; b != NULL; b = b->other) {
                check_list(b->test, text, depth + 1);
                check_list(b->body, text, depth + 1);
            }
        }
        check(count == p->count && count >= 1 && count <= SYNTAX_STAGES);
    }
}

static const char *no_value(void *ctx, const char *name, size_t len)
{
    check(ctx == NULL && syntax_name(name) >= len && len > 0);
    return len == 1 ? "a *b" : NULL;
}

static void type(const char *text)
{
    struct arena arena;
    struct syntax_pipe *list = NULL;
    struct syntax_error error;
    arena_init(&arena, 8 << 20);
    if (!syntax_parse(text, &arena, &list, &error)) {
        check(error.text[0] != '\0' && error.line > 0);
        list = NULL;
    }
    check_list(list, text, 0);
    for (; list != NULL; list = list->next) {
        char *argv[] = {NULL, NULL};
        const struct expand_source source = {.get = no_value, .argv = argv, .argc = 1};
        for (const struct syntax_word *w = list->commands->words; w != NULL; w = w->next) {
            check(expand_word(&source, &arena, w->text, w->len) != NULL);
        }
    }
    arena_free_all(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    if (!is_ready) {
        is_ready = world_boot(NULL) == 0;
    }
    /* of exactly this size, so that the sanitizer reports one byte too many */
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    parse(text);
    type(text);
    unsigned long long number;
    (void)str_to_u64(text, &number);
    check(str_matches("*", text));
    check(glob_match("*", 1, text));
    (void)glob_match(text, strlen(text), "abc");
    char *half = text + strlen(text) / 2;
    (void)str_matches(half, text);
    split(text, size);
    free(text);
    return 0;
}
