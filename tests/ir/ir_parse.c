// SPDX-License-Identifier: MIT
//
// Parses the textual form: declarations and functions. A value may be used before its definition,
// when a later block of a loop comes first in the text. So operands are names until the end of the
// function, and become indices there.
#include "tests/ir/ir_parse_internal.h"

#include "kernel/lib/string.h"

#define GROW(p, array, count, capacity)                                                            \
    grow(p, (void **)&(p)->out->module.array, &(p)->capacity, (p)->out->module.count,              \
         sizeof *(p)->out->module.array)

/* The arrays of struct ir_module are const for all other code; only here are they written, while
 * the module is being built. */
static bool grow(struct text_parser *p, void **array, uint32_t *capacity, uint32_t count,
                 size_t element)
{
    void *grown = p->status != OK
                      ? NULL
                      : arena_grow(p->arena, *array, capacity, (uint64_t)count + 1, element);
    if (grown == NULL) {
        text_fail(p, E_NOMEM, "no memory");
        return false;
    }
    *array = grown;
    return true;
}

static uint32_t parse_types(struct text_parser *p)
{
    uint32_t count = 0;
    text_expect_char(p, '(');
    while (p->status == OK && !text_take_char(p, ')')) {
        if (count > 0) {
            text_expect_char(p, ',');
        }
        unsigned type = text_expect_type(p);
        if (GROW(p, types, type_count, type_capacity)) {
            ((uint8_t *)p->out->module.types)[p->out->module.type_count++] = (uint8_t)type;
            count++;
        }
    }
    return count;
}

/* signature (TYPES) -> (TYPES). Its number is its position among the signatures. */
static void parse_signature(struct text_parser *p)
{
    struct ir_module *m = &p->out->module;
    struct ir_signature s = {.types = m->type_count};
    s.params = parse_types(p);
    text_expect_char(p, '-');
    text_expect_char(p, '>');
    s.results = parse_types(p);
    if (GROW(p, signatures, signature_count, signature_capacity)) {
        ((struct ir_signature *)m->signatures)[m->signature_count++] = s;
    }
}

/* The name is copied, so the text may be freed after the call. */
static char *expect_callee_name(struct text_parser *p)
{
    char word[WORD_MAX];
    text_expect_char(p, '@');
    text_take_word(p, word);
    char *copy = word[0] == '\0' ? NULL : arena_alloc(p->arena, strlen(word) + 1);
    if (copy == NULL) {
        text_fail(p, word[0] == '\0' ? E_CORRUPT : E_NOMEM, "a name expected");
        return NULL;
    }
    return memcpy(copy, word, strlen(word) + 1);
}

/* callee @NAME signature N, then `helper N` or `host N` if it has no body in the module, then its
 * effects. Without `helper` and `host` it is a function, which the text may define later. */
static void parse_callee(struct text_parser *p)
{
    struct ir_module *m = &p->out->module;
    struct ir_callee c = {.name = expect_callee_name(p)};
    if (!text_take_keyword(p, "signature")) {
        text_fail(p, E_CORRUPT, "signature expected");
    }
    c.signature = (uint32_t)text_expect_number(p, NUMBER_MAX);
    if (p->status == OK && c.signature >= m->signature_count) {
        text_fail(p, E_CORRUPT, "there is no such signature");
    }
    if (text_take_keyword(p, "helper")) {
        c.kind = IR_CALLEE_HELPER;
        c.entry = (uint32_t)text_expect_number(p, UINT32_MAX);
    } else if (text_take_keyword(p, "host")) {
        c.kind = IR_CALLEE_HOST;
        c.entry = (uint32_t)text_expect_number(p, UINT32_MAX);
    }
    c.effects |= text_take_keyword(p, "traps") ? IR_TRAPS : 0;
    c.effects |= text_take_keyword(p, "reads") ? IR_READS : 0;
    c.effects |= text_take_keyword(p, "writes") ? IR_WRITES : 0;
    if (GROW(p, callees, callee_count, callee_capacity) &&
        grow(p, (void **)&p->out->functions, &p->function_capacity, m->callee_count,
             sizeof(struct ir_function *))) {
        p->out->functions[m->callee_count] = NULL;
        ((struct ir_callee *)m->callees)[m->callee_count++] = c;
    }
}

/* memory guard N, then optionally `spare N`, and `base N length N`:
 * the offsets of these two words in the context. */
static void parse_memory(struct text_parser *p)
{
    struct ir_module *m = &p->out->module;
    if (!text_take_keyword(p, "guard")) {
        text_fail(p, E_CORRUPT, "guard expected");
    }
    struct ir_memory memory = {.guard_bytes = text_expect_number(p, UINT64_MAX)};
    if (text_take_keyword(p, "spare")) {
        memory.spare_bytes = (uint32_t)text_expect_number(p, UINT32_MAX);
    }
    if (text_take_keyword(p, "base")) {
        memory.base = (uint32_t)text_expect_number(p, UINT32_MAX);
    }
    if (text_take_keyword(p, "length")) {
        memory.length = (uint32_t)text_expect_number(p, UINT32_MAX);
    }
    if (GROW(p, memories, memory_count, memory_capacity)) {
        ((struct ir_memory *)m->memories)[m->memory_count++] = memory;
    }
}

/* poll OFFSET @HELPER: the word of the context that polls test, and the helper that they call if it
 * is set. */
static void parse_poll(struct text_parser *p)
{
    struct ir_collector *c = &p->out->module.collector;
    c->polls = true;
    c->poll_flag = (uint32_t)text_expect_number(p, UINT32_MAX);
    c->poll_callee = text_expect_callee(p);
}

/* cards OFFSET shift N: the word of the context with the address of the cards; one card
 * for 2^N bytes. */
static void parse_cards(struct text_parser *p)
{
    struct ir_collector *c = &p->out->module.collector;
    c->marks_cards = true;
    c->cards = (uint32_t)text_expect_number(p, UINT32_MAX);
    if (!text_take_keyword(p, "shift")) {
        text_fail(p, E_CORRUPT, "shift expected");
    }
    c->card_shift = (uint8_t)text_expect_number(p, 63);
}

/* ---- Names to indices ---- */

/* Replace the name of a value by its index. p->values.words[name] is index + 1; 0: not defined. */
static void resolve(void *ctx, uint32_t *value)
{
    struct text_parser *p = ctx;
    if (*value >= p->values.count || p->values.words[*value] == 0) {
        text_fail(p, E_CORRUPT, "an undefined value is used in the function that ends here");
        return;
    }
    *value = p->values.words[*value] - 1;
}

/* The operands in instructions, and the arguments of edges, are names up to here. */
static void resolve_function(struct text_parser *p)
{
    struct ir_function *f = p->f;
    for (uint32_t n = 0; n < f->instr_count && p->status == OK; n++) {
        ir_for_each_operand(f, &f->instrs[n], resolve, p);
    }
    for (uint32_t n = 0; n < f->edge_count; n++) {
        for (uint32_t arg = 0; arg < f->edges[n].count && p->status == OK; arg++) {
            resolve(p, &f->pool[f->edges[n].args + arg]);
        }
    }
    for (uint32_t n = 0; n < f->block_count; n++) {
        if (f->blocks[n].count == 0) {
            text_fail(p, E_CORRUPT, "the function that ends here has an empty block");
        }
    }
    if (f->block_count == 0) {
        text_fail(p, E_CORRUPT, "the function that ends here has no block");
    }
}

static void parse_slot(struct text_parser *p)
{
    uint32_t size = (uint32_t)text_expect_number(p, UINT32_MAX);
    if (!text_take_keyword(p, "align")) {
        text_fail(p, E_CORRUPT, "align expected");
    }
    (void)ir_slot(p->f, size, (uint32_t)text_expect_number(p, UINT32_MAX));
}

/* function @NAME { lines }. Slots come before the first block. The line's first word decides its
 * kind; if it is not `slot`, reading starts again at that word. A block that an edge mentions but
 * no line defines stays empty, which resolve_function() reports. */
static void parse_function(struct text_parser *p)
{
    uint32_t callee = text_expect_callee(p);
    text_expect_char(p, '{');
    if (p->status == OK && p->out->functions[callee] != NULL) {
        text_fail(p, E_CORRUPT, "a function that exists already");
    }
    p->f = p->status != OK ? NULL : ir_function_new(p->arena, &p->out->module, callee);
    if (p->f == NULL) {
        text_fail(p, E_NOMEM, "no memory");
        return;
    }
    p->values.count = 0;
    for (text_skip_lines(p); p->status == OK && !text_take_char(p, '}'); text_skip_lines(p)) {
        const char *before = p->at;
        char word[WORD_MAX];
        text_take_word(p, word);
        bool is_slot = strcmp(word, "slot") == 0 && p->f->block_count == 0;
        bool is_block = str_has_prefix(word, "block");
        p->at = is_slot ? p->at : before;
        if (is_slot) {
            parse_slot(p);
        } else if (is_block) {
            text_parse_block(p);
        } else {
            text_parse_instr(p);
        }
        if (p->f->error != OK) { /* first: if building failed, the rest of the line was not read */
            text_fail(p, p->f->error, "no memory");
        }
        text_expect_line_end(p);
    }
    if (p->status == OK) {
        resolve_function(p);
        p->out->functions[callee] = p->f;
    }
}

static void parse_declaration(struct text_parser *p)
{
    if (text_take_keyword(p, "memory")) {
        parse_memory(p);
    } else if (text_take_keyword(p, "signature")) {
        parse_signature(p);
    } else if (text_take_keyword(p, "callee")) {
        parse_callee(p);
    } else if (text_take_keyword(p, "poll")) {
        parse_poll(p);
    } else if (text_take_keyword(p, "cards")) {
        parse_cards(p);
    } else if (text_take_keyword(p, "function")) {
        parse_function(p);
    } else {
        text_fail(p, E_CORRUPT, "memory, signature, callee, poll, cards or function expected");
    }
    text_expect_line_end(p);
}

enum status ir_parse(struct arena *a, const char *text, size_t len, struct ir_text *out)
{
    struct text_parser p = {.arena = a, .out = out, .at = text, .end = text + len, .line = 1};
    *out = (struct ir_text){.error = NULL};
    for (text_skip_lines(&p); p.status == OK && p.at != p.end; text_skip_lines(&p)) {
        parse_declaration(&p);
    }
    return p.status;
}
