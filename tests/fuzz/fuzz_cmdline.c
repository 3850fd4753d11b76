// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as a kernel command line, a typed line, a program's arguments, a pattern and a
// number: each result is terminated and lies within its buffer.
#include "kernel/boot/cmdline.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"
#include "kernel/shell/pipeline.h"

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

static void check_stage(const struct pipeline *p, const struct pipeline_stage *s)
{
    const char *end = p->text + sizeof(p->text);
    check(s->argc >= 1 && s->argc <= PIPELINE_WORDS && s->argv[s->argc] == NULL);
    for (int i = 0; i < s->argc; i++) {
        check(s->argv[i] >= p->text && s->argv[i] + strlen(s->argv[i]) < end);
    }
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        check(s->path[i] == NULL ||
              (s->path[i] >= p->text && s->path[i] + strlen(s->path[i]) < end));
    }
}

static void type(const char *text)
{
    struct pipeline *p = malloc(sizeof(*p));
    const char *why = NULL;
    check(p != NULL);
    if (!pipeline_parse(text, p, &why)) {
        check(why != NULL);
    } else {
        check(p->count <= PIPELINE_STAGES);
        for (unsigned i = 0; i < p->count; i++) {
            check_stage(p, &p->stages[i]);
        }
    }
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
    char *half = text + strlen(text) / 2;
    (void)str_matches(half, text);
    split(text, size);
    free(text);
    return 0;
}
