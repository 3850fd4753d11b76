// SPDX-License-Identifier: MIT
//
// Parses blocks and instructions of the textual form, by enum ir_form.
//
// Each form has one syntax, and print_operands() in ir_print.c writes the same one: change both
// together. Operand fields hold names until resolve_function() replaces them. So nothing here may
// look at the operand's instruction; even the type of an operand is unknown.
#include "tests/ir/ir_parse_internal.h"

#include "kernel/lib/string.h"

uint32_t text_expect_callee(struct text_parser *p)
{
    char word[WORD_MAX];
    text_expect_char(p, '@');
    text_take_word(p, word);
    for (uint32_t n = 0; n < p->out->module.callee_count; n++) {
        if (strcmp(p->out->module.callees[n].name, word) == 0) {
            return n;
        }
    }
    text_fail(p, E_CORRUPT, "there is no such callee");
    return 0;
}

static uint32_t expect_value(struct text_parser *p)
{
    return text_expect_numbered(p, "v");
}

/* A block by number. Creates the blocks up to it. */
static uint32_t expect_block(struct text_parser *p)
{
    uint32_t number = text_expect_numbered(p, "block");
    while (p->status == OK && p->f->error == OK && p->f->block_count <= number) {
        (void)ir_block_new(p->f);
    }
    return number;
}

/* Read values in parentheses into p->args, from `start` on. */
static void parse_values(struct text_parser *p, uint32_t start)
{
    p->args.count = start;
    text_expect_char(p, '(');
    while (p->status == OK && !text_take_char(p, ')')) {
        if (p->args.count > start) {
            text_expect_char(p, ',');
        }
        text_append(p, &p->args, expect_value(p));
    }
}

/* The arguments are collected after those that p->args holds already, and removed again. */
static uint32_t expect_edge(struct text_parser *p)
{
    uint32_t to = expect_block(p), start = p->args.count;
    parse_values(p, start);
    uint32_t count = p->args.count - start;
    p->args.count = start;
    return p->status != OK ? 0 : ir_edge(p->f, to, count > 0 ? p->args.words + start : NULL, count);
}

static void expect_comma(struct text_parser *p)
{
    text_expect_char(p, ',');
}

static unsigned expect_trap(struct text_parser *p)
{
    char word[WORD_MAX];
    text_take_word(p, word);
    unsigned trap = text_find_name(ir_trap_names, IR_TRAP_COUNT, word);
    if (trap == IR_TRAP_COUNT) {
        text_fail(p, E_CORRUPT, "the kind of a trap expected");
    }
    return trap;
}

/* "memory0", "slot2", "context": the space and, for some, its number. */
static unsigned expect_space(struct text_parser *p, uint32_t *number)
{
    text_skip_blanks(p);
    for (unsigned space = 0; space < IR_SPACE_COUNT; space++) {
        size_t len = strlen(ir_space_names[space]);
        if ((size_t)(p->end - p->at) >= len && memcmp(p->at, ir_space_names[space], len) == 0) {
            p->at += len;
            *number = ir_space_is_numbered(space) ? (uint32_t)text_expect_number(p, NUMBER_MAX) : 0;
            return space;
        }
    }
    text_fail(p, E_CORRUPT, "a memory reference expected");
    return IR_SPACE_ADDRESS;
}

/* Names of values, which are replaced when all are known. */
static void parse_two_in_pool(struct text_parser *p, struct ir_instr *i)
{
    uint32_t words[2];
    for (unsigned n = 0; n < ARRAY_COUNT(words); n++) {
        words[n] = expect_value(p);
        expect_comma(p);
    }
    i->b = ir_pool(p->f, words, ARRAY_COUNT(words));
}

/* SPACE[vN + OFFSET] ACCESS class N constant, of which only SPACE[OFFSET] must be there. If the
 * word after the bracket is not an access, it belongs to the next part of the line. */
static void parse_memref(struct text_parser *p, struct ir_instr *i)
{
    struct ir_memref memref = {0};
    char word[WORD_MAX];
    memref.space = (uint8_t)expect_space(p, &memref.number);
    text_expect_char(p, '[');
    text_skip_blanks(p);
    i->a = IR_NONE;
    if (p->at != p->end && *p->at == 'v') {
        i->a = expect_value(p);
        text_expect_char(p, '+');
    }
    memref.offset = text_expect_number(p, UINT64_MAX);
    text_expect_char(p, ']');
    const char *before = p->at;
    text_take_word(p, word);
    unsigned access =
        word[0] == '\0' ? IR_ACCESS_COUNT : text_find_name(ir_access_names, IR_ACCESS_COUNT, word);
    if (access == IR_ACCESS_COUNT) {
        p->at = before;
        access = IR_ACCESS_FULL;
    }
    memref.access = (uint8_t)access;
    if (text_take_keyword(p, "class")) {
        memref.alias_class = (uint8_t)text_expect_number(p, UINT8_MAX);
    }
    memref.is_constant = text_take_keyword(p, "constant");
    if (p->status == OK) {
        i->c = ir_memref(p->f, &memref);
    }
}

/* Copy p->args to the pool. */
static void pool_args(struct text_parser *p, struct ir_instr *i)
{
    i->c = p->args.count;
    i->b = p->status != OK ? 0 : ir_pool(p->f, p->args.words, p->args.count);
}

/* The operands of an indirect call start with code and context, as any others. An invoke has its
 * two edges before the arguments in the pool, but after them in the text: two words are reserved
 * first. Its edges collect their own arguments beyond those of the call (expect_edge()). */
static void parse_call(struct text_parser *p, struct ir_instr *i)
{
    bool invokes = ir_invokes(i);
    if (ir_calls_indirectly(i)) {
        if (!text_take_keyword(p, "signature")) {
            text_fail(p, E_CORRUPT, "signature expected");
        }
        i->a = (uint32_t)text_expect_number(p, NUMBER_MAX);
    } else {
        i->a = text_expect_callee(p);
    }
    p->args.count = 0;
    for (unsigned n = 0; invokes && n < 2; n++) {
        text_append(p, &p->args, 0);
    }
    parse_values(p, p->args.count);
    for (unsigned n = 0; invokes && n < 2; n++) {
        if (!text_take_keyword(p, n == 0 ? "then" : "unwind")) {
            text_fail(p, E_CORRUPT, n == 0 ? "then expected" : "unwind expected");
        }
        uint32_t edge = expect_edge(p);
        if (p->status == OK) {
            p->args.words[n] = edge;
        }
    }
    pool_args(p, i);
}

/* The edges of a switch have consecutive numbers, from the next free one on. */
static void parse_switch(struct text_parser *p, struct ir_instr *i)
{
    i->a = expect_value(p);
    i->b = p->f->edge_count;
    while (p->status == OK && text_take_char(p, ',')) {
        p->args.count = 0;
        (void)expect_edge(p);
        i->c++;
    }
}

/* A return without values has nothing after it, or a flag; a value starts with v. */
static void parse_return(struct text_parser *p, struct ir_instr *i)
{
    p->args.count = 0;
    text_skip_blanks(p);
    if (p->at != p->end && *p->at == 'v') {
        text_append(p, &p->args, expect_value(p));
        while (p->status == OK && text_take_char(p, ',')) {
            text_append(p, &p->args, expect_value(p));
        }
    }
    pool_args(p, i);
}

static void parse_branch(struct text_parser *p, struct ir_instr *i)
{
    i->a = expect_value(p);
    p->args.count = 0;
    expect_comma(p);
    i->b = expect_edge(p);
    expect_comma(p);
    i->c = expect_edge(p);
}

static void parse_const(struct text_parser *p, struct ir_instr *i)
{
    uint64_t bits = text_expect_number(p, ir_type_size(i->type) == 4 ? UINT32_MAX : UINT64_MAX);
    i->a = (uint32_t)bits;
    i->b = (uint32_t)(bits >> 32);
}

/* 128 bits, the low half first, as four words in the pool. */
static uint32_t expect_vector(struct text_parser *p)
{
    uint64_t lo = text_expect_number(p, UINT64_MAX);
    expect_comma(p);
    uint64_t hi = text_expect_number(p, UINT64_MAX);
    const uint32_t words[4] = {(uint32_t)lo, (uint32_t)(lo >> 32), (uint32_t)hi,
                               (uint32_t)(hi >> 32)};
    return p->status != OK ? 0 : ir_pool(p->f, words, 4);
}

/* VECTOR, LANE for an extraction; VECTOR, SCALAR, LANE for a replacement; A, B, LANES
 * for a shuffle. */
static void parse_lane_operands(struct text_parser *p, struct ir_instr *i)
{
    unsigned form = ir_op_info[i->op].form;
    i->a = expect_value(p);
    expect_comma(p);
    if (form == IR_FORM_EXTRACT_LANE) {
        i->b = (uint32_t)text_expect_number(p, UINT32_MAX);
        return;
    }
    i->b = expect_value(p);
    expect_comma(p);
    i->c = form == IR_FORM_SHUFFLE ? expect_vector(p) : (uint32_t)text_expect_number(p, UINT32_MAX);
}

static void parse_operands(struct text_parser *p, struct ir_instr *i)
{
    switch ((enum ir_form)ir_op_info[i->op].form) {
    case IR_FORM_CONST:
        parse_const(p, i);
        break;
    case IR_FORM_SLOT:
        i->a = (uint32_t)text_expect_number(p, NUMBER_MAX);
        break;
    case IR_FORM_RESULT:
        i->a = expect_value(p);
        expect_comma(p);
        i->b = (uint32_t)text_expect_number(p, NUMBER_MAX);
        break;
    case IR_FORM_UNARY:
        i->a = expect_value(p);
        break;
    case IR_FORM_BINARY:
        i->a = expect_value(p);
        expect_comma(p);
        i->b = expect_value(p);
        break;
    case IR_FORM_SELECT:
        i->a = expect_value(p);
        expect_comma(p);
        i->b = expect_value(p);
        expect_comma(p);
        i->c = expect_value(p);
        break;
    case IR_FORM_STORE:
        i->b = expect_value(p);
        expect_comma(p);
        parse_memref(p, i);
        break;
    case IR_FORM_COMPARE_SWAP:
        parse_two_in_pool(p, i);
        parse_memref(p, i);
        break;
    case IR_FORM_LOAD:
        parse_memref(p, i);
        break;
    case IR_FORM_COPY:
        i->a = expect_value(p);
        expect_comma(p);
        i->b = expect_value(p);
        expect_comma(p);
        i->c = (uint32_t)text_expect_number(p, UINT32_MAX);
        break;
    case IR_FORM_ZERO:
        i->a = expect_value(p);
        expect_comma(p);
        i->c = (uint32_t)text_expect_number(p, UINT32_MAX);
        break;
    case IR_FORM_CALL:
    case IR_FORM_CALL_INDIRECT:
    case IR_FORM_INVOKE:
    case IR_FORM_INVOKE_INDIRECT:
        parse_call(p, i);
        break;
    case IR_FORM_TRAP_IF:
        i->a = expect_value(p);
        expect_comma(p);
        i->b = expect_trap(p);
        break;
    case IR_FORM_JUMP:
        p->args.count = 0;
        i->a = expect_edge(p);
        break;
    case IR_FORM_BRANCH:
        parse_branch(p, i);
        break;
    case IR_FORM_SWITCH:
        parse_switch(p, i);
        break;
    case IR_FORM_RETURN:
        parse_return(p, i);
        break;
    case IR_FORM_TRAP:
        i->b = expect_trap(p);
        break;
    case IR_FORM_VECTOR_CONST:
        i->a = expect_vector(p);
        break;
    case IR_FORM_EXTRACT_LANE:
    case IR_FORM_REPLACE_LANE:
    case IR_FORM_SHUFFLE:
        parse_lane_operands(p, i);
        break;
    default:
        break;
    }
}

/* The result's type, for an operation whose suffix is the type of its operand. The reverse of
 * suffix_type() in ir_print.c. */
static uint8_t result_type(const struct ir_instr *i, unsigned suffix)
{
    switch ((enum ir_typing)ir_op_info[i->op].typing) {
    case IR_TYPES_COMPARES_INTEGER:
    case IR_TYPES_COMPARES_FLOAT:
        return IR_I32;
    case IR_TYPES_STORED:
        return IR_VOID;
    default:
        return (uint8_t)suffix;
    }
}

/* A linear search: texts are small. Parameters are written at their block, not as instructions. */
static void parse_op(struct text_parser *p, struct ir_instr *i)
{
    char word[WORD_MAX];
    text_take_word(p, word);
    unsigned op = 0;
    while (op < IR_OP_COUNT && strcmp(ir_op_info[op].text, word) != 0) {
        op++;
    }
    if (op == IR_OP_COUNT || op == IR_PARAM) {
        text_fail(p, E_CORRUPT, "there is no such operation");
        op = IR_POLL;
    }
    i->op = (uint16_t)op;
    i->type = result_type(i, text_take_char(p, '.') ? text_expect_type(p) : IR_VOID);
}

/* Enter a value's name. Names are numbers, and may have gaps. */
static void define(struct text_parser *p, uint32_t name, uint32_t value)
{
    while (p->status == OK && p->values.count <= name) {
        text_append(p, &p->values, 0);
    }
    if (p->status == OK && p->values.words[name] != 0) {
        text_fail(p, E_CORRUPT, "a value that is defined twice");
    }
    if (p->status == OK) {
        p->values.words[name] = value + 1;
    }
}

/* vN = OPERATION.TYPE OPERANDS safe rare !LOCATION; all
 * but the operation are optional or depend on it. */
void text_parse_instr(struct text_parser *p)
{
    struct ir_instr i = {0};
    uint32_t name = IR_NONE;
    text_skip_blanks(p);
    if (p->end - p->at > 1 && p->at[0] == 'v' && p->at[1] >= '0' && p->at[1] <= '9') {
        name = expect_value(p);
        text_expect_char(p, '=');
    }
    parse_op(p, &i);
    parse_operands(p, &i);
    i.flags = text_take_keyword(p, "safe") ? IR_SAFE_POINT : 0;
    i.flags |= text_take_keyword(p, "rare") ? IR_RARE : 0;
    p->f->location = text_take_char(p, '!') ? (uint32_t)text_expect_number(p, UINT32_MAX) : 0;
    if (p->status != OK) {
        return;
    }
    if (p->f->current == IR_NONE) {
        text_fail(p, E_CORRUPT, "an instruction before the first block");
        return;
    }
    if ((i.type != IR_VOID) != (name != IR_NONE)) {
        text_fail(p, E_CORRUPT, "a name and a type must both be there, or neither");
        return;
    }
    uint32_t value = ir_emit(p->f, i.op, i.type, i.a, i.b, i.c);
    if (p->f->error == OK) {
        p->f->instrs[value].flags = i.flags;
        if (name != IR_NONE) {
            define(p, name, value);
        }
    }
}

/* blockN(vA: TYPE, ...): starts a block with its parameters. */
void text_parse_block(struct text_parser *p)
{
    uint32_t number = expect_block(p);
    text_expect_char(p, '(');
    if (p->status != OK || p->f->error != OK) {
        return;
    }
    if (p->f->blocks[number].count != 0) {
        text_fail(p, E_CORRUPT, "a block that exists already");
        return;
    }
    p->f->location = 0;
    ir_block_start(p->f, number);
    bool is_first = true;
    while (p->status == OK && !text_take_char(p, ')')) {
        if (!is_first) {
            expect_comma(p);
        }
        is_first = false;
        uint32_t name = expect_value(p);
        text_expect_char(p, ':');
        unsigned type = text_expect_type(p);
        if (p->status == OK) {
            define(p, name, ir_param(p->f, type));
        }
    }
    text_expect_char(p, ':');
}
