// SPDX-License-Identifier: MIT
//
// Prints machine code with virtual registers as text.
#include "kernel/jit/codegen/vcode_print.h"

#include "kernel/lib/format.h"

struct printer {
    ir_sink sink;
    void *ctx;
    const struct vcode *v;
    const struct jit_machine *m;
    uint32_t move; /* index of the next move to print */
};

static void print(struct printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void print(struct printer *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fmt_vsink(p->sink, p->ctx, fmt, args);
    va_end(args);
}

static void print_location(struct printer *p, unsigned class, uint32_t loc)
{
    if (loc == VLOC_NONE) {
        print(p, "nowhere");
    } else if (vloc_is_slot(loc)) {
        print(p, "slot%u", loc & ~VLOC_SLOT_FLAG);
    } else {
        print(p, "%s", p->m->registers.register_name(class, loc));
    }
}

/* Only what differs from the usual is printed: VUSE and
 * VDEF in any register of their class have no mark. */
static void print_constraint(struct printer *p, const struct voperand *o)
{
    switch ((enum vconstraint)o->constraint) {
    case VAT_REG:
        break;
    case VAT_FIXED:
        print(p, "{%s}", p->m->registers.register_name(p->v->vregs[o->vreg].class, o->which));
        break;
    case VAT_TIED:
        print(p, "{%u}", o->which);
        break;
    case VAT_ANY:
        print(p, "{*}");
        break;
    }
}

static void print_operand(struct printer *p, uint32_t at)
{
    static const char *const marks[] = {
        [VUSE] = "", [VUSE_LATE] = "~", [VDEF] = "=", [VDEF_EARLY] = "!=", [VTEMP] = ".",
    };
    const struct voperand *o = &p->v->operands[at];
    print(p, " %sv%u", marks[o->role], o->vreg);
    print_constraint(p, o);
    if (p->v->locations != NULL) {
        print(p, "@");
        print_location(p, p->v->vregs[o->vreg].class, p->v->locations[at]);
    }
}

/* Print the allocator's moves before an instruction. They are sorted by instruction, so one index
 * into the list is enough. */
static void print_moves(struct printer *p, uint32_t before)
{
    for (; p->move < p->v->move_count && p->v->moves[p->move].at <= before; p->move++) {
        const struct vmove *move = &p->v->moves[p->move];
        print(p, "    ");
        if (move->from == VLOC_NONE) {
            print(p, "%u again", move->remake);
        } else {
            print_location(p, move->class, move->from);
        }
        print(p, " -> ");
        print_location(p, move->class, move->to);
        print(p, " %u\n", move->bytes);
    }
}

static void print_instr(struct printer *p, uint32_t n)
{
    const struct vinstr *i = &p->v->instrs[n];
    char text[80];
    print_moves(p, n);
    p->m->print(p->v, i, text, sizeof text);
    print(p, "  %u %s", n, text);
    for (uint32_t o = 0; o < i->operand_count; o++) {
        print_operand(p, i->operands + o);
    }
    if (i->clobbers != 0) {
        print(p, " clobbers %u", i->clobbers);
    }
    print(p, "\n");
}

static void print_vregs(struct printer *p, uint32_t at, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        print(p, "%sv%u", n > 0 ? " " : "", p->v->pool[at + n]);
    }
}

static void print_block(struct printer *p, uint32_t n)
{
    const struct vblock *b = &p->v->blocks[n];
    print(p, "block%u(", n);
    print_vregs(p, b->params, b->param_count);
    print(p, ") loop %u%s:\n", b->loop_depth, b->is_cold ? " cold" : "");
    p->move = vcode_first_move(p->v, b->first);
    for (uint32_t i = 0; i < b->count; i++) {
        print_instr(p, b->first + i);
    }
    for (uint32_t e = 0; e < b->edge_count; e++) {
        const struct vedge *edge = &p->v->edges[b->edges + e];
        print(p, "  -> block%u(", edge->to);
        print_vregs(p, edge->args, p->v->blocks[edge->to].param_count);
        print(p, ")\n");
    }
}

void vcode_print(const struct vcode *v, const struct jit_machine *m, ir_sink sink, void *ctx)
{
    struct printer p = {.sink = sink, .ctx = ctx, .v = v, .m = m};
    for (uint32_t n = 0; n < v->block_count; n++) {
        print_block(&p, n);
    }
}
