// SPDX-License-Identifier: MIT
//
// Prints the intermediate representation as text, which ir_parse() reads back.
#include "kernel/jit/ir/ir_text.h"

#include "kernel/lib/format.h"

/* `f` is NULL outside of a function: then only types and callees are printed. */
struct printer {
    ir_sink sink;
    void *ctx;
    const struct ir_function *f;
};

static void print(struct printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void print(struct printer *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fmt_vsink(p->sink, p->ctx, fmt, args);
    va_end(args);
}

/* A value has the number of its instruction, so a listing needs no names. */
static void print_values(struct printer *p, uint32_t at, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        print(p, "%sv%u", n > 0 ? ", " : "", p->f->pool[at + n]);
    }
}

/* The arguments of an edge become the parameters of its block, in order. */
static void print_edge(struct printer *p, uint32_t edge)
{
    const struct ir_edge *e = &p->f->edges[edge];
    print(p, "block%u(", e->to);
    print_values(p, e->args, e->count);
    print(p, ")");
}

/* Optional parts are printed only if they differ from the default that the parser assumes. */
static void print_memref(struct printer *p, const struct ir_instr *i)
{
    const struct ir_memref *memref = &p->f->memrefs[i->c];
    print(p, " %s", ir_space_names[memref->space]);
    if (ir_space_is_numbered(memref->space)) {
        print(p, "%u", memref->number);
    }
    print(p, "[");
    if (i->a != IR_NONE) {
        print(p, "v%u + ", i->a);
    }
    print(p, "%llu]", (unsigned long long)memref->offset);
    if (memref->access != IR_ACCESS_FULL) {
        print(p, " %s", ir_access_names[memref->access]);
    }
    if (memref->alias_class != 0) {
        print(p, " class %u", memref->alias_class);
    }
    if (memref->is_constant) {
        print(p, " constant");
    }
}

/* The pool of an invoke has its two edges first, then its arguments (ir.h). */
static void print_call(struct printer *p, const struct ir_instr *i)
{
    uint32_t edges = ir_call_edges(i);
    if (ir_calls_indirectly(i)) {
        print(p, " signature %u(", i->a);
    } else {
        print(p, " @%s(", p->f->module->callees[i->a].name);
    }
    print_values(p, i->b + edges, i->c - edges);
    print(p, ")");
    if (edges > 0) {
        print(p, " then ");
        print_edge(p, p->f->pool[i->b]);
        print(p, " unwind ");
        print_edge(p, p->f->pool[i->b + 1]);
    }
}

static void print_switch(struct printer *p, const struct ir_instr *i)
{
    print(p, " v%u", i->a);
    for (uint32_t n = 0; n < i->c; n++) {
        print(p, ", ");
        print_edge(p, i->b + n);
    }
}

/* 128 bits, the low half first. */
static void print_vector(struct printer *p, uint32_t at)
{
    const uint32_t *words = p->f->pool + at;
    print(p, "0x%llx, 0x%llx", (unsigned long long)(words[0] | (uint64_t)words[1] << 32),
          (unsigned long long)(words[2] | (uint64_t)words[3] << 32));
}

/* One syntax for each form; parse_operands() in ir_parse_instr.c reads it. */
static void print_operands(struct printer *p, const struct ir_instr *i)
{
    switch ((enum ir_form)ir_op_info[i->op].form) {
    case IR_FORM_CONST:
        print(p, " 0x%llx", (unsigned long long)ir_const_bits(i));
        break;
    case IR_FORM_SLOT:
        print(p, " %u", i->a);
        break;
    case IR_FORM_RESULT:
        print(p, " v%u, %u", i->a, i->b);
        break;
    case IR_FORM_UNARY:
        print(p, " v%u", i->a);
        break;
    case IR_FORM_BINARY:
        print(p, " v%u, v%u", i->a, i->b);
        break;
    case IR_FORM_SELECT:
        print(p, " v%u, v%u, v%u", i->a, i->b, i->c);
        break;
    case IR_FORM_STORE:
        print(p, " v%u,", i->b);
        print_memref(p, i);
        break;
    case IR_FORM_COMPARE_SWAP:
        print(p, " v%u, v%u,", p->f->pool[i->b], p->f->pool[i->b + 1]);
        print_memref(p, i);
        break;
    case IR_FORM_LOAD:
        print_memref(p, i);
        break;
    case IR_FORM_COPY:
        print(p, " v%u, v%u, %u", i->a, i->b, i->c);
        break;
    case IR_FORM_ZERO:
        print(p, " v%u, %u", i->a, i->c);
        break;
    case IR_FORM_CALL:
    case IR_FORM_CALL_INDIRECT:
    case IR_FORM_INVOKE:
    case IR_FORM_INVOKE_INDIRECT:
        print_call(p, i);
        break;
    case IR_FORM_TRAP_IF:
        print(p, " v%u, %s", i->a, i->b < IR_TRAP_COUNT ? ir_trap_names[i->b] : "?");
        break;
    case IR_FORM_JUMP:
        print(p, " ");
        print_edge(p, i->a);
        break;
    case IR_FORM_BRANCH:
        print(p, " v%u, ", i->a);
        print_edge(p, i->b);
        print(p, ", ");
        print_edge(p, i->c);
        break;
    case IR_FORM_SWITCH:
        print_switch(p, i);
        break;
    case IR_FORM_RETURN:
        print(p, i->c > 0 ? " " : "");
        print_values(p, i->b, i->c);
        break;
    case IR_FORM_TRAP:
        print(p, " %s", i->b < IR_TRAP_COUNT ? ir_trap_names[i->b] : "?");
        break;
    case IR_FORM_VECTOR_CONST:
        print(p, " ");
        print_vector(p, i->a);
        break;
    case IR_FORM_EXTRACT_LANE:
        print(p, " v%u, %u", i->a, i->b);
        break;
    case IR_FORM_REPLACE_LANE:
        print(p, " v%u, v%u, %u", i->a, i->b, i->c);
        break;
    case IR_FORM_SHUFFLE:
        print(p, " v%u, v%u, ", i->a, i->b);
        print_vector(p, i->c);
        break;
    default:
        break;
    }
}

/* The type that distinguishes the variants of an operation; IR_VOID if there is only one.
 * Comparisons return i32 whatever they compare, and a store returns nothing: an operand has the
 * type. A value without an instruction exists only in a function that ir_verify() refuses, but such
 * functions are printed, too. */
static unsigned suffix_type(const struct ir_function *f, const struct ir_instr *i)
{
    uint32_t teller;
    switch ((enum ir_typing)ir_op_info[i->op].typing) {
    case IR_TYPES_COMPARES_INTEGER:
    case IR_TYPES_COMPARES_FLOAT:
        teller = i->a;
        break;
    case IR_TYPES_STORED:
        teller = i->b;
        break;
    default:
        return i->type;
    }
    return teller < f->instr_count ? f->instrs[teller].type : IR_VOID;
}

/* Flags and location come at the end, and only if they are not 0, so most lines are short. */
static void print_line(struct printer *p, uint32_t value)
{
    const struct ir_instr *i = &p->f->instrs[value];
    if (i->type != IR_VOID) {
        print(p, "v%u = ", value);
    }
    unsigned suffix = suffix_type(p->f, i);
    print(p, "%s%s%s", ir_op_info[i->op].text, suffix != IR_VOID ? "." : "",
          suffix != IR_VOID ? ir_type_name(suffix) : "");
    print_operands(p, i);
    if ((i->flags & IR_SAFE_POINT) != 0) {
        print(p, " safe");
    }
    if ((i->flags & IR_RARE) != 0) {
        print(p, " rare");
    }
    if (p->f->locations[value] != 0) {
        print(p, " !%u", p->f->locations[value]);
    }
}

/* Parameters are the first instructions of a block and are printed as its head. */
static void print_block(struct printer *p, uint32_t number)
{
    const struct ir_block *b = &p->f->blocks[number];
    print(p, "block%u(", number);
    for (uint32_t n = 0; n < b->params; n++) {
        print(p, "%sv%u: %s", n > 0 ? ", " : "", b->first + n,
              ir_type_name(p->f->instrs[b->first + n].type));
    }
    print(p, "):\n");
    for (uint32_t n = b->params; n < b->count; n++) {
        print(p, "  ");
        print_line(p, b->first + n);
        print(p, "\n");
    }
}

static void print_types(struct printer *p, const uint8_t *types, uint32_t count)
{
    print(p, "(");
    for (uint32_t n = 0; n < count; n++) {
        print(p, "%s%s", n > 0 ? ", " : "", ir_type_name(types[n]));
    }
    print(p, ")");
}

static void print_signature(struct printer *p, const struct ir_module *m, uint32_t signature)
{
    const struct ir_signature *s = &m->signatures[signature];
    print_types(p, m->types + s->types, s->params);
    print(p, " -> ");
    print_types(p, m->types + s->types + s->params, s->results);
}

void ir_print_function(const struct ir_function *f, ir_sink sink, void *ctx)
{
    struct printer p = {sink, ctx, f};
    print(&p, "function @%s {\n", f->module->callees[f->callee].name);
    for (uint32_t n = 0; n < f->slot_count; n++) {
        print(&p, "slot %u align %u\n", f->slots[n].size, f->slots[n].align);
    }
    for (uint32_t n = 0; n < f->block_count; n++) {
        print_block(&p, n);
    }
    print(&p, "}\n");
}

static void print_memory(struct printer *p, const struct ir_memory *m)
{
    print(p, "memory guard 0x%llx", (unsigned long long)m->guard_bytes);
    if (m->spare_bytes != 0) {
        print(p, " spare %u", m->spare_bytes);
    }
    if (m->base != 0 || m->length != 0) {
        print(p, " base %u length %u", m->base, m->length);
    }
    print(p, "\n");
}

/* A callee without "helper" or "host" is a function of the module. */
static void print_callee(struct printer *p, const struct ir_callee *c)
{
    print(p, "callee @%s signature %u", c->name, c->signature);
    if (c->kind == IR_CALLEE_HELPER) {
        print(p, " helper %u", c->entry);
    } else if (c->kind == IR_CALLEE_HOST) {
        print(p, " host %u", c->entry);
    }
    print(p, "%s%s%s\n", (c->effects & IR_TRAPS) != 0 ? " traps" : "",
          (c->effects & IR_READS) != 0 ? " reads" : "",
          (c->effects & IR_WRITES) != 0 ? " writes" : "");
}

/* Signatures come before the callees that use them by number, and callees before the functions,
 * because the parser resolves both at once. */
void ir_print_module(const struct ir_module *m, ir_sink sink, void *ctx)
{
    struct printer p = {sink, ctx, NULL};
    for (uint32_t n = 0; n < m->memory_count; n++) {
        print_memory(&p, &m->memories[n]);
    }
    for (uint32_t n = 0; n < m->signature_count; n++) {
        print(&p, "signature ");
        print_signature(&p, m, n);
        print(&p, "\n");
    }
    for (uint32_t n = 0; n < m->callee_count; n++) {
        print_callee(&p, &m->callees[n]);
    }
    if (m->collector.polls) {
        print(&p, "poll %u @%s\n", m->collector.poll_flag,
              m->callees[m->collector.poll_callee].name);
    }
    if (m->collector.marks_cards) {
        print(&p, "cards %u shift %u\n", m->collector.cards, m->collector.card_shift);
    }
}
