// SPDX-License-Identifier: MIT
//
// An example of an extension (docs/extensions.md): a format of programs. A calculation is a text in
// reverse Polish notation, for example
//
//      #!rpn
//      2 3 + 4 *
//
// The program prints the numbers that are left on its stack. Words are checked when it is loaded,
// arithmetic when it runs.
#include "kernel/fs/vfs.h"
#include "kernel/io/device.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/additions.h"
#include "kernel/tty/console.h"

#define MAGIC     "#!rpn\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define STACK_MAX 64u
#define FAILED    1u

/** A word of the text: not zero-terminated. */
struct word {
    const char *text;
    size_t len;
    uint32_t number; /* counts from 1 */
};

struct stack {
    int64_t value[STACK_MAX];
    uint32_t count;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next word. @return false: there is none. */
static bool next_word(const struct bytecode_program *p, size_t *at, struct word *w)
{
    const char *text = p->bytes;
    while (*at < p->len && is_blank(text[*at])) {
        (*at)++;
    }
    size_t start = *at;
    while (*at < p->len && !is_blank(text[*at])) {
        (*at)++;
    }
    w->text = text + start;
    w->len = *at - start;
    w->number++;
    return w->len != 0;
}

static bool is_operator(const struct word *w)
{
    return w->len == 1 && strchr("+-*/", w->text[0]) != NULL && w->text[0] != '\0';
}

/* Decimal digits only: "-" is an operator. */
static bool to_number(const struct word *w, int64_t *out)
{
    int64_t n = 0;
    for (size_t i = 0; i < w->len; i++) {
        char c = w->text[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, c - '0', &n)) {
            return false;
        }
    }
    *out = n;
    return true;
}

/* ---- Running ---- */

static bool divide(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0 || (a == INT64_MIN && b == -1)) {
        return false;
    }
    *out = a / b;
    return true;
}

static bool operate(char operator, int64_t a, int64_t b, int64_t *out)
{
    switch (operator) {
    case '+':
        return !__builtin_add_overflow(a, b, out);
    case '-':
        return !__builtin_sub_overflow(a, b, out);
    case '*':
        return !__builtin_mul_overflow(a, b, out);
    default:
        return divide(a, b, out);
    }
}

/* @return NULL, or why the word cannot be executed. */
static const char *execute(struct stack *s, const struct word *w)
{
    int64_t value;
    if (is_operator(w)) {
        if (s->count < 2) {
            return "fewer than two numbers on the stack";
        }
        if (!operate(w->text[0], s->value[s->count - 2], s->value[s->count - 1], &value)) {
            return "no such number";
        }
        s->count -= 2;
    } else if (!to_number(w, &value)) {
        return "neither a number nor one of + - * /";
    } else if (s->count == STACK_MAX) {
        return "more than 64 numbers on the stack";
    }
    s->value[s->count++] = value;
    return NULL;
}

/* To the program's standard output, which may be a file or a pipe. */
static enum status print_stack(const struct bytecode_program *p, const struct stack *s)
{
    char line[24];
    struct file *out = p->program->files[1];
    enum status status = out == NULL ? E_PERM : OK;
    for (uint32_t i = 0; i < s->count && status == OK; i++) {
        size_t done, len = fmt_print(line, sizeof(line), "%lld\n", (long long)s->value[i]);
        status = file_write(out, line, len, &done);
    }
    return status;
}

static bool is_ending(const struct bytecode_program *p)
{
    return atomic_load_explicit(&p->program->ending, memory_order_relaxed);
}

static struct bytecode_end run(struct bytecode_program *p)
{
    struct stack s = {.count = 0};
    struct word w = {.number = 0};
    size_t at = MAGIC_LEN;
    while (next_word(p, &at, &w)) {
        const char *why = execute(&s, &w);
        if (why != NULL) {
            console_printf("%s: word %u: %s\n", p->path, w.number, why);
            return (struct bytecode_end){.outcome = BYTECODE_TRAPPED};
        }
        if (is_ending(p)) {
            return (struct bytecode_end){.outcome = BYTECODE_STOPPED};
        }
    }
    return (struct bytecode_end){.outcome = BYTECODE_RETURNED,
                                 .status = print_stack(p, &s) == OK ? 0 : FAILED};
}

/* It ends by itself: run() looks at the program between any two words. */
static void stop(struct bytecode_program *p)
{
    (void)p;
}

/* ---- Loading ---- */

static bool recognise(const void *bytes, size_t len)
{
    return len >= MAGIC_LEN && memcmp(bytes, MAGIC, MAGIC_LEN) == 0;
}

static struct bytecode_program *create(void)
{
    return heap_zalloc(sizeof(struct bytecode_program));
}

static void release(struct bytecode_program *p)
{
    heap_free(p);
}

static enum status load(struct bytecode_program *p)
{
    struct word w = {.number = 0};
    size_t at = MAGIC_LEN;
    int64_t value;
    while (next_word(p, &at, &w) && !is_ending(p)) {
        if (!is_operator(&w) && !to_number(&w, &value)) {
            char why[64];
            fmt_print(why, sizeof(why), "word %u: neither a number nor one of + - * /", w.number);
            return bytecode_refuse(p, E_CORRUPT, why);
        }
    }
    bytecode_remember(p);
    return OK;
}

/* ---- What `jit` prints ---- */

static void describe(const struct bytecode_program *p, struct bytecode_info *out)
{
    (void)p;
    out->engine = "rpn";
}

static bool describe_function(const struct bytecode_program *p, uint32_t n,
                              struct bytecode_function *out)
{
    (void)p;
    (void)n;
    (void)out;
    return false;
}

static enum status inspect(const struct inspection *i, const void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return inspection_refuse(i, E_NOTSUP, "a calculation is not compiled");
}

/* ---- What the loader finds ---- */

static const struct bytecode_format format = {
    .name = "rpn",
    .recognise = recognise,
    .create = create,
    .release = release,
    .load = load,
    .run = run,
    .stop = stop,
    .describe = describe,
    .describe_function = describe_function,
    .inspect = inspect,
};
static const struct bytecode_format *const formats[] = {&format, NULL};

static const struct additions added = {.formats = formats};

static const struct driver rpn = {.name = "rpn", .version = "1.0", .additions = &added};

DRIVER_MODULE(rpn, "rpn", "1.0", "MIT");
