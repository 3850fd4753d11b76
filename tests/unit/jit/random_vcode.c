// SPDX-License-Identifier: MIT
//
// Random machine code: a walk that opens and closes structures, with a value for each variable.
#include "tests/unit/jit/random_vcode.h"

#include "kernel/lib/format.h"

#include <stdlib.h>
#include <string.h>

enum { CLOBBER_NONE, CLOBBER_CALL, CLOBBER_SOME };

static const char *name_x86(unsigned class, unsigned reg)
{
    static const char *const ints[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const floats[16] = {"xmm0",  "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",
                                           "xmm6",  "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11",
                                           "xmm12", "xmm13", "xmm14", "xmm15"};
    return (class == VCLASS_INT ? ints : floats)[reg & 15];
}

static const char *name_arm(unsigned class, unsigned reg)
{
    static char names[4][8];
    static unsigned n;
    char *name = names[n++ & 3];
    fmt_print(name, sizeof names[0], "%c%u", class == VCLASS_INT ? 'x' : 'v', reg);
    return name;
}

static void print_op(const struct vcode *v, const struct vinstr *i, char *buf, size_t len)
{
    static const char *const names[] = {"op",    "entry", "const", "branch", "div",
                                        "shift", "call",  "move",  "odd",    "effect"};
    (void)v;
    fmt_print(buf, len, "%s", names[i->op]);
}

static const struct vclobber clobbers_x86[] = {
    [CLOBBER_CALL] = {{0x07c7, 0x00ff}},
    [CLOBBER_SOME] = {{0x00c3, 0x0006}},
};
static const struct vclobber clobbers_arm[] = {
    [CLOBBER_CALL] = {{0x0000ffff, 0x7fff00ff}},
    [CLOBBER_SOME] = {{0x00000303, 0x00010006}},
};

const struct jit_machine mock_x86 = {
    .name = "x86",
    .registers =
        {
            .allocatable = {0x37cf, 0x7fff},
            .callee_saved = {0x3008, 0x7f00},
            .order = {{0, 1, 2, 6, 7, 8, 9, 10, 3, 12, 13},
                      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}},
            .order_count = {11, 15},
            .scratch = {11, 15},
            .clobbers = clobbers_x86,
            .register_name = name_x86,
        },
    .print = print_op,
};

const struct jit_machine mock_arm = {
    .name = "arm",
    .registers =
        {
            .allocatable = {0x07f8ffff, 0x7fffffff},
            .callee_saved = {0x07f80000, 0x0000ff00},
            .order = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23},
                      {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 8, 9}},
            .order_count = {21, 18},
            .scratch = {16, 31},
            .clobbers = clobbers_arm,
            .register_name = name_arm,
        },
    .print = print_op,
};

uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

enum { VARIABLES = 96, RECENT = 12, DEPTH = 12, EDGES = 1 << 16 };

struct pending {
    uint32_t from;
    uint32_t values[VARIABLES];
};

struct open {
    bool is_loop;
    uint32_t header;            /* of a loop */
    bool has_param[VARIABLES];  /* of the loop's header */
    bool was_frozen[VARIABLES]; /* outside of the loop */
    struct pending *exits;      /* of a block: edges to its end */
    uint32_t exit_count;
};

struct edge {
    uint32_t from, to, args[VARIABLES], count;
};

struct maker {
    struct vcode *v;
    const struct jit_machine *m;
    const struct random_vcode *what;
    uint32_t state;
    uint32_t block;
    bool is_open;                /* the block has no terminator yet */
    uint32_t current[VARIABLES]; /* value of each variable */
    bool frozen[VARIABLES];      /* must not be assigned: a loop around has no parameter for it */
    uint32_t recent[RECENT];
    uint32_t recent_count;
    struct open open[DEPTH];
    unsigned depth;
    struct edge *edges;
    uint32_t edge_count;
};

static uint32_t below(struct maker *k, uint32_t n)
{
    return random_next(&k->state) % n;
}

static unsigned class_of_variable(const struct maker *k, uint32_t n)
{
    (void)k;
    return n % 3 == 2 ? VCLASS_FLOAT : VCLASS_INT;
}

static uint32_t new_value(struct maker *k, unsigned class, unsigned bytes)
{
    return vcode_vreg(k->v, class, bytes);
}

static unsigned bytes_of_variable(uint32_t n)
{
    return n % 3 == 2 ? (n % 2 == 0 ? 16 : 8) : n % 2 == 0 ? 4 : 8;
}

/* A variable holds references or it does not. */
static bool is_managed_variable(const struct maker *k, uint32_t n)
{
    return k->what->refs && bytes_of_variable(n) == 8 && n % 3 == 1;
}

static uint32_t variable_value(struct maker *k, uint32_t n)
{
    uint32_t vreg = new_value(k, class_of_variable(k, n), bytes_of_variable(n));
    k->v->vregs[vreg].is_managed = is_managed_variable(k, n);
    return vreg;
}

static void remember(struct maker *k, uint32_t vreg)
{
    k->recent[k->recent_count++ % RECENT] = vreg;
}

/* A value of a class that is defined here. */
static uint32_t some(struct maker *k, unsigned class)
{
    uint32_t count = k->recent_count < RECENT ? k->recent_count : RECENT;
    for (unsigned n = 0; n < 20; n++) {
        uint32_t vreg = count > 0 && below(k, 2) == 0 ? k->recent[below(k, count)]
                                                      : k->current[below(k, k->what->variables)];
        if (k->v->vregs[vreg].class == class) {
            return vreg;
        }
    }
    return k->current[class == VCLASS_INT ? 0 : 2];
}

static void instr(struct maker *k, unsigned op, unsigned flags, unsigned clobbers)
{
    vcode_instr(k->v, &(struct vinstr){.op = (uint16_t)op,
                                       .flags = (uint8_t)flags,
                                       .clobbers = (uint8_t)clobbers});
}

static void use(struct maker *k, uint32_t vreg, enum vrole role, enum vconstraint at,
                unsigned which)
{
    vcode_operand(k->v, vreg, role, at, which);
}

/* Something is defined: a variable's new value, or a temporary. */
static uint32_t defined(struct maker *k, unsigned class)
{
    uint32_t n = below(k, k->what->variables);
    if (below(k, 2) == 0 && !k->frozen[n] && class_of_variable(k, n) == class) {
        return k->current[n] = variable_value(k, n);
    }
    static const uint8_t sizes[VCLASS_COUNT][2] = {{4, 8}, {8, 16}};
    uint32_t vreg = new_value(k, class, sizes[class][below(k, 2)]);
    remember(k, vreg);
    return vreg;
}

static enum vconstraint use_constraint(struct maker *k)
{
    return below(k, 4) == 0 ? VAT_ANY : VAT_REG;
}

static void make_plain(struct maker *k)
{
    unsigned class = below(k, 3) == 0 ? VCLASS_FLOAT : VCLASS_INT, uses = 1 + below(k, 3);
    uint32_t values[3];
    bool tied = below(k, 2) == 0;
    for (unsigned n = 0; n < uses; n++) {
        values[n] = some(k, n == 0 ? class : below(k, 4) == 0 ? VCLASS_FLOAT : VCLASS_INT);
    }
    instr(k, 0, 0, 0);
    use(k, defined(k, class), VDEF, tied ? VAT_TIED : VAT_REG, tied ? 1 : 0);
    for (unsigned n = 0; n < uses; n++) {
        use(k, values[n], VUSE, n == 0 ? VAT_REG : use_constraint(k), 0);
    }
}

static void make_const(struct maker *k)
{
    uint32_t vreg = new_value(k, VCLASS_INT, 8);
    instr(k, 2, VI_REMAKE, 0);
    use(k, vreg, VDEF, VAT_REG, 0);
    uint32_t n = below(k, k->what->variables);
    if (below(k, 3) == 0 && !k->frozen[n] && class_of_variable(k, n) == VCLASS_INT &&
        bytes_of_variable(n) == 8 && !is_managed_variable(k, n)) {
        k->current[n] = vreg;
    }
    remember(k, vreg);
}

static void make_div(struct maker *k)
{
    uint32_t low = some(k, VCLASS_INT), high = some(k, VCLASS_INT), by = some(k, VCLASS_INT);
    instr(k, 4, VI_TRAPS, 0);
    use(k, low, VUSE, VAT_FIXED, 0);
    use(k, high, VUSE, VAT_FIXED, 2);
    use(k, by, below(k, 2) == 0 ? VUSE : VUSE_LATE, VAT_REG, 0);
    use(k, defined(k, VCLASS_INT), VDEF, VAT_FIXED, 0);
    use(k, defined(k, VCLASS_INT), VDEF, VAT_FIXED, 2);
}

static void make_shift(struct maker *k)
{
    uint32_t what = some(k, VCLASS_INT), by = below(k, 5) == 0 ? what : some(k, VCLASS_INT);
    instr(k, 5, 0, 0);
    use(k, defined(k, VCLASS_INT), VDEF, VAT_TIED, 1);
    use(k, what, VUSE, VAT_REG, 0);
    use(k, by, VUSE, VAT_FIXED, 1);
}

static void make_call(struct maker *k)
{
    static const uint8_t args[] = {7, 6, 2, 1, 8, 9, 0, 10};
    unsigned ints = below(k, 9), floats = below(k, 4) == 0 ? below(k, 9) : below(k, 3);
    uint32_t values[17];
    bool safe = k->what->refs && below(k, 2) == 0;
    for (unsigned n = 0; n < ints + floats; n++) {
        values[n] = n > 0 && n < ints && below(k, 5) == 0
                        ? values[n - 1]
                        : some(k, n < ints ? VCLASS_INT : VCLASS_FLOAT);
    }
    values[16] = some(k, VCLASS_INT);
    instr(k, 6, (unsigned)VI_CALL | (safe ? (unsigned)VI_SAFE_POINT : 0), CLOBBER_CALL);
    for (unsigned n = 0; n < ints; n++) {
        use(k, values[n], VUSE, VAT_FIXED, args[n]);
    }
    for (unsigned n = 0; n < floats; n++) {
        use(k, values[ints + n], VUSE, VAT_FIXED, n);
    }
    if (below(k, 4) == 0) {
        use(k, values[16], safe || below(k, 2) == 0 ? VUSE : VUSE_LATE,
            ints < 8 ? VAT_REG : VAT_ANY, 0);
    }
    static const uint8_t results[] = {0, 2, 1, 6};
    for (unsigned n = below(k, 4); n-- > 0;) {
        use(k, defined(k, VCLASS_INT), VDEF, VAT_FIXED, results[n]);
    }
    for (unsigned n = below(k, 3); n-- > 0;) {
        use(k, defined(k, VCLASS_FLOAT), VDEF, VAT_FIXED, n);
    }
}

static void make_move(struct maker *k)
{
    uint32_t from = some(k, VCLASS_INT);
    unsigned bytes = k->v->vregs[from].bytes;
    uint32_t to = new_value(k, VCLASS_INT, bytes);
    k->v->vregs[to].is_managed = k->v->vregs[from].is_managed;
    if (vcode_base(k->v, from) != VREG_NONE) {
        vcode_derive(k->v, to, vcode_base(k->v, from));
    }
    instr(k, 7, VI_MOVE, 0);
    use(k, to, VDEF, VAT_REG, 0);
    use(k, from, VUSE, VAT_REG, 0);
    remember(k, to);
}

/* A pointer into the object of some variable that holds references, if there is one. */
static void make_derived(struct maker *k)
{
    uint32_t n = below(k, k->what->variables), by = some(k, VCLASS_INT);
    if (!is_managed_variable(k, n)) {
        return;
    }
    uint32_t to = new_value(k, VCLASS_INT, 8);
    k->v->vregs[to].is_managed = true;
    vcode_derive(k->v, to, k->current[n]);
    instr(k, 9, 0, 0);
    use(k, to, VDEF, below(k, 2) == 0 ? VAT_TIED : VAT_REG, 1);
    use(k, k->current[n], VUSE, VAT_REG, 0);
    use(k, by, VUSE, VAT_REG, 0);
    remember(k, to);
}

/* Temporaries, early definitions, late uses, tied pairs, clobbers: at most four of a class that are
 * not fixed. */
static void make_odd(struct maker *k)
{
    uint32_t a = some(k, VCLASS_INT), b = some(k, VCLASS_INT), f = some(k, VCLASS_FLOAT);
    unsigned kind = below(k, 6);
    instr(k, 8, 0, kind < 2 ? CLOBBER_SOME : 0);
    switch (kind) {
    case 0:
        use(k, a, VUSE_LATE, VAT_REG, 0);
        use(k, f, VUSE, VAT_FIXED, 2);
        use(k, defined(k, VCLASS_FLOAT), VDEF, VAT_TIED, 1);
        use(k, new_value(k, VCLASS_INT, 8), VTEMP, VAT_REG, 0);
        break;
    case 1:
        use(k, a, VUSE, VAT_FIXED, 6);
        use(k, a, VUSE, VAT_FIXED, 7);
        use(k, a, VUSE, VAT_REG, 0);
        use(k, b, VUSE, VAT_FIXED, 1);
        use(k, defined(k, VCLASS_INT), VDEF, VAT_REG, 0);
        break;
    case 2:
        use(k, defined(k, VCLASS_INT), VDEF_EARLY, VAT_REG, 0);
        use(k, a, VUSE, VAT_REG, 0);
        use(k, b, VUSE, VAT_ANY, 0);
        break;
    case 3:
        use(k, defined(k, VCLASS_INT), VDEF_EARLY, VAT_TIED, 1);
        use(k, a, VUSE, VAT_REG, 0);
        use(k, b, VUSE, VAT_REG, 0);
        use(k, new_value(k, VCLASS_FLOAT, 16), VTEMP, VAT_REG, 0);
        break;
    case 4:
        use(k, defined(k, VCLASS_INT), VDEF, VAT_TIED, 2);
        use(k, defined(k, VCLASS_INT), VDEF, VAT_TIED, 3);
        use(k, a, VUSE, VAT_REG, 0);
        use(k, a, VUSE, VAT_REG, 0);
        use(k, b, VUSE, VAT_REG, 0);
        break;
    default:
        use(k, a, VUSE, VAT_FIXED, 2);
        use(k, b, VUSE, VAT_REG, 0);
        use(k, new_value(k, VCLASS_INT, 8), VTEMP, VAT_FIXED, 1);
        use(k, new_value(k, VCLASS_INT, 8), VTEMP, VAT_REG, 0);
        use(k, f, VUSE_LATE, VAT_ANY, 0);
        use(k, defined(k, VCLASS_INT), VDEF, VAT_TIED, 0);
        break;
    }
}

static void make_effect(struct maker *k)
{
    instr(k, 9, 0, 0);
    use(k, some(k, VCLASS_INT), VUSE, VAT_REG, 0);
    use(k, some(k, below(k, 2) == 0 ? VCLASS_INT : VCLASS_FLOAT), VUSE, VAT_ANY, 0);
}

static void make_instr(struct maker *k)
{
    static void (*const makers[])(struct maker *) = {
        make_plain, make_plain, make_plain, make_plain, make_const,  make_div,     make_shift,
        make_call,  make_move,  make_odd,   make_odd,   make_effect, make_derived,
    };
    makers[below(k, sizeof makers / sizeof *makers)](k);
}

/* ---- Control flow ---- */

static void start_block(struct maker *k)
{
    k->block = vcode_block(k->v);
    vcode_block_start(k->v, k->block);
    k->is_open = true;
}

static void end_block(struct maker *k)
{
    vcode_block_end(k->v, k->block, false);
    k->is_open = false;
}

static struct edge *add_edge(struct maker *k, uint32_t from, uint32_t to)
{
    struct edge *e = &k->edges[k->edge_count++];
    *e = (struct edge){.from = from, .to = to};
    return e;
}

static void jump(struct maker *k)
{
    instr(k, 3, VI_TERMINATOR, 0);
    end_block(k);
}

/* A call that comes back to one of several places. */
static void make_invoke(struct maker *k)
{
    uint32_t first = some(k, VCLASS_INT), second = some(k, VCLASS_INT);
    instr(k, 6, VI_CALL | VI_TERMINATOR, CLOBBER_CALL);
    use(k, first, VUSE, VAT_FIXED, 7);
    use(k, second, VUSE, VAT_FIXED, 6);
    use(k, defined(k, VCLASS_INT), VDEF, VAT_FIXED, 0);
    use(k, defined(k, VCLASS_FLOAT), VDEF, VAT_FIXED, 1);
}

static uint32_t branch(struct maker *k)
{
    uint32_t from = k->block;
    if (below(k, 6) == 0) {
        make_invoke(k);
    } else {
        uint32_t condition = some(k, VCLASS_INT);
        instr(k, 3, VI_TERMINATOR, 0);
        use(k, condition, VUSE, below(k, 4) == 0 ? VAT_ANY : VAT_REG, 0);
    }
    end_block(k);
    return from;
}

/* Variables become parameters where ways disagree, and sometimes where they do not. */
static void join(struct maker *k, const struct pending *ways, uint32_t count)
{
    uint32_t params[VARIABLES], which[VARIABLES], n_params = 0;
    start_block(k);
    for (uint32_t n = 0; n < k->what->variables; n++) {
        bool differs = below(k, 40) == 0;
        for (uint32_t w = 1; w < count; w++) {
            differs |= ways[w].values[n] != ways[0].values[n];
        }
        k->current[n] = ways[0].values[n];
        if (differs) {
            which[n_params] = n;
            params[n_params++] = k->current[n] = variable_value(k, n);
        }
    }
    vcode_params(k->v, k->block, params, n_params);
    vcode_block_start(k->v, k->block);
    for (uint32_t w = 0; w < count; w++) {
        struct edge *e = add_edge(k, ways[w].from, k->block);
        for (uint32_t n = 0; n < n_params; n++) {
            e->args[e->count++] = ways[w].values[which[n]];
        }
    }
    k->recent_count = 0;
}

static void note(struct maker *k, struct pending *p)
{
    p->from = k->block;
    memcpy(p->values, k->current, sizeof p->values);
}

static void open_block(struct maker *k)
{
    k->open[k->depth] = (struct open){.exits = calloc(64, sizeof(struct pending))};
    k->depth++;
}

static void open_loop(struct maker *k)
{
    struct open *o = &k->open[k->depth++];
    uint32_t from = k->block, params[VARIABLES], args[VARIABLES], count = 0;
    *o = (struct open){.is_loop = true};
    jump(k);
    start_block(k);
    o->header = k->block;
    memcpy(o->was_frozen, k->frozen, sizeof k->frozen);
    for (uint32_t n = 0; n < k->what->variables; n++) {
        o->has_param[n] = !k->frozen[n] && below(k, 3) == 0;
        k->frozen[n] |= !o->has_param[n];
        if (o->has_param[n]) {
            args[count] = k->current[n];
            params[count++] = k->current[n] = variable_value(k, n);
        }
    }
    vcode_params(k->v, k->block, params, count);
    struct edge *e = add_edge(k, from, k->block);
    memcpy(e->args, args, sizeof args);
    e->count = count;
    k->recent_count = 0;
}

/* From an open block to the loop's header; the code goes on in a block of its own. */
static void close_loop(struct maker *k)
{
    struct open *o = &k->open[--k->depth];
    uint32_t from = branch(k);
    start_block(k);
    add_edge(k, from, k->block);
    uint32_t back = k->block;
    jump(k);
    struct edge *e = add_edge(k, back, o->header);
    for (uint32_t n = 0; n < k->what->variables; n++) {
        if (o->has_param[n]) {
            e->args[e->count++] = k->current[n];
        }
    }
    start_block(k);
    add_edge(k, from, k->block);
    memcpy(k->frozen, o->was_frozen, sizeof k->frozen);
}

static void exit_to_block(struct maker *k)
{
    unsigned targets[DEPTH], count = 0;
    for (unsigned d = 0; d < k->depth; d++) {
        if (!k->open[d].is_loop && k->open[d].exit_count < 60) {
            targets[count++] = d;
        }
    }
    if (count == 0) {
        return;
    }
    struct open *o = &k->open[targets[below(k, count)]];
    uint32_t from = branch(k);
    start_block(k);
    add_edge(k, from, k->block);
    uint32_t saved[VARIABLES];
    memcpy(saved, k->current, sizeof saved);
    bool traps = below(k, 8) == 0;
    k->v->blocks[k->block].is_cold = traps || below(k, 8) == 0;
    for (unsigned n = below(k, 3); n-- > 0;) {
        make_instr(k);
    }
    if (!traps) {
        note(k, &o->exits[o->exit_count++]);
    }
    jump(k);
    memcpy(k->current, saved, sizeof saved);
    k->recent_count = 0;
    start_block(k);
    add_edge(k, from, k->block);
}

static void close_block(struct maker *k)
{
    struct open *o = &k->open[--k->depth];
    struct pending *exits = o->exits;
    note(k, &exits[o->exit_count]);
    uint32_t count = o->exit_count + 1;
    jump(k);
    join(k, exits, count);
    free(exits);
}

/* if, else, end; or a switch of several arms, with a parameter of its own now and then. */
static void make_diamond(struct maker *k)
{
    unsigned arms = 2 + (below(k, 4) == 0 ? below(k, 4) : 0);
    struct pending *ways = calloc(arms, sizeof *ways);
    uint32_t start[VARIABLES], from = branch(k);
    memcpy(start, k->current, sizeof start);
    for (unsigned n = 0; n < arms; n++) {
        memcpy(k->current, start, sizeof start);
        k->recent_count = 0;
        start_block(k);
        struct edge *e = add_edge(k, from, k->block);
        if (below(k, 5) == 0) {
            uint32_t which = below(k, k->what->variables), param = variable_value(k, which);
            e->args[e->count++] = k->current[which];
            vcode_params(k->v, k->block, &param, 1);
            remember(k, param);
        }
        for (unsigned i = below(k, 6); i-- > 0;) {
            make_instr(k);
        }
        note(k, &ways[n]);
        jump(k);
    }
    join(k, ways, arms);
    free(ways);
}

static void make_entry(struct maker *k)
{
    static const uint8_t args[] = {7, 6, 2, 1, 8, 9, 0, 10};
    start_block(k);
    instr(k, 1, 0, 0);
    for (unsigned n = 0; n < 24 && n < k->what->variables; n++) {
        k->current[n] = variable_value(k, n);
        bool is_float = class_of_variable(k, n) == VCLASS_FLOAT;
        unsigned number = is_float ? n / 3 : n - (n + 1) / 3;
        if (number < 8) {
            use(k, k->current[n], VDEF, VAT_FIXED, is_float ? number : args[number]);
            continue;
        }
        instr(k, 0, 0, 0);
        use(k, k->current[n], VDEF, VAT_REG, 0);
    }
    for (unsigned n = 24; n < k->what->variables; n++) {
        instr(k, 0, 0, 0);
        use(k, k->current[n] = variable_value(k, n), VDEF, VAT_REG, 0);
    }
}

static int by_from(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

static void step(struct maker *k)
{
    switch (below(k, 24)) {
    case 0:
        if (k->depth < DEPTH) {
            open_block(k);
        }
        break;
    case 1:
        if (k->depth < DEPTH) {
            open_loop(k);
        }
        break;
    case 2:
    case 3:
        exit_to_block(k);
        break;
    case 4:
        make_diamond(k);
        break;
    case 5:
        if (k->depth > 0 && k->open[k->depth - 1].is_loop) {
            close_loop(k);
        } else if (k->depth > 0) {
            close_block(k);
        }
        break;
    default:
        make_instr(k);
        break;
    }
}

void random_vcode(struct vcode *v, struct arena *a, const struct jit_machine *m,
                  const struct random_vcode *what)
{
    struct maker *k = calloc(1, sizeof *k);
    k->v = v;
    k->m = m;
    k->what = what;
    k->state = what->seed * 2654435761u + 1;
    k->edges = calloc(EDGES, sizeof *k->edges);
    vcode_init(v, a, NULL);
    make_entry(k);
    while (v->instr_count < what->size) {
        step(k);
    }
    while (k->depth > 0) {
        if (k->open[k->depth - 1].is_loop) {
            close_loop(k);
        } else {
            close_block(k);
        }
    }
    instr(k, 3, VI_TERMINATOR, 0);
    use(k, some(k, VCLASS_INT), VUSE, VAT_FIXED, 0);
    use(k, some(k, VCLASS_FLOAT), VUSE, VAT_FIXED, 0);
    end_block(k);
    qsort(k->edges, k->edge_count, sizeof *k->edges, by_from);
    for (uint32_t n = 0; n < k->edge_count; n++) {
        vcode_edge(v, k->edges[n].from, k->edges[n].to, k->edges[n].args, k->edges[n].count);
    }
    free(k->edges);
    free(k);
}
