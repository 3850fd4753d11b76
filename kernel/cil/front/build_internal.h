// SPDX-License-Identifier: MIT
//
// Shared by the parts of the translator:
//
//   build.c          a method: its variables, its stack, its blocks
//   build_arith.c    arithmetic, comparisons, conversions
//   build_memory.c   loads and stores, struct values, the method's frame in the window
//   build_object.c   fields, arrays, boxes, casts, strings
//   build_nullable.c boxes of Nullable<T>
//   build_matrix.c   arrays of several dimensions
//   build_typed.c    typed references
//   build_call.c     calls of all kinds, new objects
//   build_inline.c   inlining of short methods
//   build_delegate.c delegates
//   build_begin.c    BeginInvoke and EndInvoke of delegates
//   build_regions.c  try blocks, exceptions
//   build_filter.c   which handler takes an exception, if there are filters
//   build_trace.c    what exceptions note of their way
//   build_roots.c    which references live across safe points, and where they are then
//   build_loops.c    loops with several entries
//   build_atomic.c   Interlocked, Volatile, the prefix volatile.
//   build_glue.c     methods that are not translated from CIL
//   unit.c           methods, signatures and native methods of a unit
//   unit_types.c     types at run time, static fields, literals
//   unit_reach.c     which methods virtual calls may reach
//   unit_delegate.c  which methods delegates are of
//   unit_related.c   which types objects of System.Type may lead to
//   unit_member.c    which methods are objects, and how these are called
//   build_adapt.c    calls of methods whose arguments are in an array
//   build_attribute.c attributes as objects
//   vtable.c         virtual methods of a class
#pragma once

#include "kernel/cil/front/build.h"
#include "kernel/cil/front/domain_internal.h"
#include "kernel/cil/front/vtable.h"

#define BUILD_VARIABLES_MAX 300u /* arguments and local variables: each join carries many */
#define BUILD_STACK_MAX     100u
#define BUILD_SLOTS_MAX     400u
#define BUILD_ENTRIES_MAX   16u /* of a loop */

/* Accesses of different classes never touch the same byte. */
enum {
    BUILD_CLASS_WINDOW,
    BUILD_CLASS_STACK,
    BUILD_CLASS_CONTEXT,
    BUILD_CLASS_RECORDS,
    BUILD_CLASS_OWN,
    BUILD_CLASS_CARDS = CIL_CARD_CLASS
};

/** How values of a type are represented. */
struct build_rep {
    unsigned ir;                /* IR_VOID: void */
    unsigned kind;              /* enum cil_kind of its bytes in memory; CIL_OBJECT: a reference */
    uint32_t size;              /* in memory */
    struct cil_type *structure; /* not NULL: the value is the address of a copy of its own */
};

struct build_variable {
    struct build_rep rep;
    bool is_memory; /* `at` is a value, its address; otherwise an index in builder.values */
    bool is_pinned;
    uint32_t at;
};

/* What a value of the representation is, for the collector. */
#define BUILD_OBJECT 1u /* a reference */
#define BUILD_INNER  2u /* an address that may lead into an object */
#define BUILD_FRAME  4u /* an instruction that only the frame in the window needs */

/** A place in the method's frame for values of a type at a depth of the stack. */
struct build_slot {
    struct cil_type *type;
    uint32_t depth, at;
};

struct build_shape {
    struct cil_type *structure;
    uint8_t ir, mark;
};

/** A way out of a try block with a finally block, or from one of these to the next. */
struct build_leave {
    uint32_t clause; /* the finally block that runs first */
    uint32_t next;   /* the clause whose block follows, or CIL_NO_REGION: `target` follows */
    uint32_t target; /* offset, or the number of the way out of `next` */
};

struct builder {
    struct cil_unit *unit;
    struct cil_domain *d;
    struct ir_function *f;
    struct cil_body body;
    struct cil_unit_method m; /* a copy: the unit's array moves */
    struct build_rep result;
    uint32_t result_at; /* of a struct: value, where it goes */
    uint32_t at;        /* the instruction */
    /* Variables: arguments, then local variables. */
    struct build_variable variables[BUILD_VARIABLES_MAX];
    uint32_t variable_count, argument_count;
    bool addressed[2][BUILD_VARIABLES_MAX]; /* [is an argument][n]: its address is taken */
    /* The values of variables that are not in memory, then the stack. */
    uint32_t values[BUILD_VARIABLES_MAX + BUILD_STACK_MAX];
    uint8_t value_marks[BUILD_VARIABLES_MAX];
    uint32_t value_count;
    uint8_t *marks; /* by value: BUILD_OBJECT ... */
    uint32_t mark_capacity;
    struct cil_type *structs[BUILD_STACK_MAX]; /* of the stack: its type, or NULL: no struct */
    uint32_t depth;
    bool is_over;
    uint32_t *blocks;            /* by offset: the block, or IR_NONE */
    uint32_t *depths;            /* by offset: the depth of its stack */
    struct build_shape **shapes; /* by offset: the types of its stack */
    uint32_t *queue;
    uint32_t queued;
    /* Ways out of finally blocks, and by clause the index of the variable that says which one. */
    struct build_leave *leaves;
    uint32_t leave_count, leave_capacity;
    uint32_t *selectors;
    uint32_t *saved;   /* by clause, likewise: the exception that its handler runs for */
    uint32_t *targets; /* by clause, likewise: `target` of that exception, if it goes on */
    uint32_t record;   /* value: address of the method's record for filters (build_filter.c) */
    bool has_record, has_filter, has_calls;
    /* Of a CIL_UNIT_EXAMINE. */
    uint32_t exception, region; /* values: its parameters */
    uint32_t outer_bytes;       /* of the method's frame, from the record, that have been passed */
    uint32_t *region_block;     /* by region + 1: the block that examines its clause */
    uint32_t *try_region;       /* by clause: its try block */
    bool is_again; /* the method is translated for the second time: all ways are known */
    uint32_t made; /* the last object that was made, and its type */
    struct cil_type *made_type;
    uint32_t found; /* the last number that ldvirtftn found, and where; no owner: not known */
    struct cil_unit_use found_use;
    struct cil_type *constraint; /* of the next call; or NULL */
    /* Types in typeof since the last array of types was made, for MakeGenericMethod. */
    struct cil_type *named[CIL_TYPE_LIST_MAX];
    uint32_t named_count;
    bool is_readonly; /* nothing is stored at the address that is next taken */
    bool is_volatile; /* the next instruction is */
    bool is_tail;     /* the next call takes the place of this method */
    /* The frame in the window. Its size is known when the method has been translated. */
    uint32_t frame_bytes;
    uint32_t frame;      /* value: its address */
    uint32_t frame_size; /* value: a constant */
    uint32_t outer;      /* value: the end of the stack outside of it */
    uint32_t entered;    /* value: the last instruction that makes it */
    struct build_slot *slots;
    uint32_t slot_count;
    uint32_t entry_numbers[BUILD_ENTRIES_MAX]; /* constants, in block 0 */
    struct cil_roots roots; /* references in the frame, first those that are not in slots */
    uint32_t inlined;       /* bytes of CIL of other methods that are in this one */
    /* Blocks that all exceptions outside of try blocks share: for each trap, one that makes its
     * exception; and one that leaves the method. 0: not needed so far. */
    uint32_t raise_way[IR_TRAP_COUNT], leave_way;
    /* In a program with traces: offsets of the safe points, in their order. */
    uint32_t *locations;
    uint32_t location_count, location_capacity, location_next;
    bool has_locations;
};

bool build_unsupported(struct builder *b, const char *what);

/** @brief What a value is for the collector: BUILD_OBJECT ... */
static inline unsigned build_marks(const struct builder *b, uint32_t value)
{
    return value < b->mark_capacity ? b->marks[value] : 0;
}
/** @return the value. */
uint32_t build_mark(struct builder *b, uint32_t value, unsigned mark);

/** @brief An operation; a sum with an address is an address. */
uint32_t build_op(struct builder *b, unsigned op, unsigned type, uint32_t x, uint32_t y);

static inline uint32_t build_number(struct builder *b, uint32_t value)
{
    return ir_build_const(b->f, IR_I32, value);
}

unsigned build_type_of(const struct builder *b, uint32_t value);
/** @brief A value as a variable or parameter of a type needs it. */
uint32_t build_convert(struct builder *b, uint32_t value, unsigned type);

/* ---- The stack ---- */

uint32_t build_pop(struct builder *b);
/** @brief Pop the address of an object, or of a place in memory. */
uint32_t build_pop_address(struct builder *b);
bool build_push(struct builder *b, uint32_t value);
/** @brief Push the struct at an address: its bytes are copied. */
bool build_push_struct(struct builder *b, struct cil_type *t, uint32_t from, uint32_t offset);

/* ---- Tokens, with the type arguments of the method put in ---- */

struct cil_type *build_put_in(struct builder *b, struct cil_type *t);
struct cil_type *build_type_token(struct builder *b, uint32_t token);
/** @brief A method by its token. @return false: an error is recorded. */
bool build_method_token(struct builder *b, uint32_t token, struct cil_callee *out);
bool build_field_token(struct builder *b, uint32_t token, struct cil_member_field *out);

/* ---- build.c ---- */

/** @brief Translate a method of the unit. @return false: an error is recorded. */
bool build_method(struct cil_unit *u, uint32_t number);

/** @brief Translate an instruction. @return false: an error is recorded. */
bool build_instruction(struct builder *b, const struct cil_instruction *i);
/** @brief An edge to the code at an offset, with all values. @return IR_NONE: an error is
 * recorded. */
uint32_t build_edge(struct builder *b, uint32_t target);
bool build_jump(struct builder *b, uint32_t target);
/** @brief Go on in a new block if an i32 is not 0. @return the block for 0, not yet started. */
uint32_t build_if_not_zero(struct builder *b, uint32_t value);

/* ---- build_loops.c ---- */

/** @brief Give each loop one entry. @return false: an error is recorded. */
bool build_loops(struct builder *b);

/* ---- build_roots.c ---- */

/** @brief The function with a frame in the window in which references are that live across safe
 * points; without a frame if it needs none. @return false: an error is recorded. */
bool build_roots(struct builder *b);
/** @brief Memory of the frame has references, as a type says. */
bool build_add_roots(struct builder *b, const struct build_rep *rep, uint32_t at, bool is_pinned);

/* ---- build_trace.c ---- */

/** @brief Whether exceptions note that they leave this method. */
bool build_has_notes(struct builder *b);
/** @brief The exception on its way comes from an instruction, or leaves the call there. @param
 * offset Its offset, a value. */
void build_note_pass(struct builder *b, uint32_t offset);
/** @brief There is none on its way any more, or another one. */
void build_forget_passed(struct builder *b);
/** @brief An exception is thrown by `throw` or an instruction. @return false: an error is
 * recorded. */
bool build_note_thrown(struct builder *b, uint32_t exception);
/** @brief It is about to enter a handler or a finally block, and is not in `thrown` any more.
 * @return false: likewise. */
bool build_note_caught(struct builder *b, uint32_t exception);

/* ---- build_regions.c ---- */

bool build_add_selectors(struct builder *b);
/** @brief After a call: go on there if it has thrown one. */
void build_check_thrown(struct builder *b);
/** @brief Throw the exception that a trap is, if a condition, an i32, is 0. */
void build_check(struct builder *b, uint32_t condition, unsigned trap);
/** @brief Throw the exception that a trap is. If the program catches any, what follows has to look
 * for it; otherwise this does not return. */
void build_raise(struct builder *b, unsigned trap);
/** @brief Throw an ArgumentException if a condition, an i32, is 0. */
void build_check_argument(struct builder *b, uint32_t condition);
bool build_throw(struct builder *b, uint32_t object);
/** @brief Build the blocks that exceptions share, after all other code. @return false: an error is
 * recorded. */
bool build_ways(struct builder *b);
/** @brief The function that throws an exception of the core library, made with so many arguments.
 * @return IR_NONE: an error is recorded. */
uint32_t build_raiser(struct builder *b, const char *space, const char *name, uint32_t params);
/** @brief Is an exception of the type of a `catch`? @return an i32; IR_NONE: an error is
 * recorded. */
uint32_t build_catches(struct builder *b, uint32_t clause, uint32_t exception);
bool build_regions(struct builder *b, const struct cil_instruction *i, bool *is_known);

/* ---- build_filter.c ---- */

/** @brief Does a method of this kind have code of CIL? */
static inline bool build_has_code(const struct cil_unit_method *m)
{
    return m->kind == CIL_UNIT_METHOD || m->kind == CIL_UNIT_EXAMINE;
}
/** @brief Add the method's record, if it needs one. After the frame, before all variables. */
bool build_add_record(struct builder *b);
/** @brief Where control enters a block: say in which region the method is now. */
void build_enter_region(struct builder *b, uint32_t at);
void build_leave_record(struct builder *b);
/** @brief Is the clause the one that the search has found? @return an i32. */
uint32_t build_is_target(struct builder *b, uint32_t clause);
uint32_t build_load_target(struct builder *b);
void build_store_target(struct builder *b, uint32_t target);
/** @brief Put an exception on its way. @return false: an error is recorded. */
bool build_start_throw(struct builder *b, uint32_t exception);
bool build_search(struct builder *b);
/** @brief The parameters of a CIL_UNIT_EXAMINE, and its frame. */
void build_enter_examine(struct builder *b);
/** @brief The place of a variable of the method that is examined. */
uint32_t build_outer_place(struct builder *b, uint32_t bytes);
/** @brief Examine all clauses; the code of filters follows. */
bool build_examine(struct builder *b);
bool build_end_filter(struct builder *b);
/** @brief An exception in a filter: the filter has the result 0. */
bool build_filter_failed(struct builder *b);

/* ---- build_arith.c ---- */

/** @brief Make two operands equal in type: integers of 32 and 64 bits, floats of 32 and 64. */
void build_match(struct builder *b, uint32_t *x, uint32_t *y);
/** @brief Trap if a value, an i32, is not 0. */
void build_trap_if(struct builder *b, uint32_t condition, unsigned trap);
/** @brief Trap if a value, an i32, is 0. */
void build_require(struct builder *b, uint32_t condition, unsigned trap);
/** @brief A value as a variable of this kind keeps it. */
uint32_t build_narrow(struct builder *b, uint32_t value, unsigned kind);
/** @brief Translate an arithmetic instruction. @param is_known Becomes false: it is none. */
bool build_arithmetic(struct builder *b, const struct cil_instruction *i, bool *is_known);
/** @brief The condition of a comparison: of its instruction without "branch". */
uint32_t build_compare(struct builder *b, unsigned opcode);

/* ---- build_memory.c ---- */

bool build_rep_of(struct cil_unit *u, struct cil_type *t, struct build_rep *out);
/** @brief A struct that a native method gets as a number of 64 bits. */
bool build_is_word(struct cil_unit *u, const struct build_rep *rep);
/** @brief Bytes of the method's frame. @return their distance from its start. */
uint32_t build_frame_bytes(struct builder *b, uint32_t bytes);
/** @brief The address of bytes of the frame. */
uint32_t build_frame_at(struct builder *b, uint32_t at);
/** @brief Where a struct at a depth of the stack is. @return IR_NONE: an error is recorded. */
uint32_t build_slot_of(struct builder *b, struct cil_type *t, uint32_t depth);
/** @brief Mark a value as one of a type. @return it. */
uint32_t build_mark_as(struct builder *b, uint32_t value, const struct build_rep *rep);
uint32_t build_load_at(struct builder *b, const struct build_rep *rep, uint32_t address,
                       uint32_t offset);
void build_store_at(struct builder *b, const struct build_rep *rep, uint32_t address,
                    uint32_t offset, uint32_t value);
/** @brief Cells at known places of the window: flags of initialisers. */
uint32_t build_load_cell(struct builder *b, uint32_t at);
/** @brief The same: the thread also sees every store before the one to the cell. */
uint32_t build_load_flag(struct builder *b, uint32_t at);
void build_store_cell(struct builder *b, uint32_t at, uint32_t value);
/** @brief What a thread has of its own: a field of its struct cil_context that code may write. */
#define CIL_OWN(field) ((uint32_t)offsetof(struct cil_context, field))
uint32_t build_load_own(struct builder *b, unsigned type, uint32_t at);
void build_store_own(struct builder *b, uint32_t at, uint32_t value);
/** @brief The program may start threads: a place at which the others of this one may collect. */
void build_poll(struct builder *b);

/** @brief After a store of a reference into a cell that may be in an object. */
void build_note_store(struct builder *b, uint32_t address, uint32_t offset);
void build_store_word(struct builder *b, uint32_t address, uint32_t offset, uint32_t value);
uint32_t build_load_word(struct builder *b, uint32_t address, uint32_t offset);
void build_copy(struct builder *b, uint32_t to, uint32_t to_offset, uint32_t from,
                uint32_t from_offset, uint32_t bytes);
void build_zero(struct builder *b, uint32_t at, uint32_t offset, uint32_t bytes);
/** @brief Push the value of a type at an address. */
bool build_push_from(struct builder *b, struct cil_type *t, uint32_t address, uint32_t offset);
/** @brief Store a value that was popped. */
bool build_store_to(struct builder *b, struct cil_type *t, uint32_t address, uint32_t offset,
                    uint32_t value);
void build_enter_frame(struct builder *b);
void build_leave_frame(struct builder *b);
bool build_memory(struct builder *b, const struct cil_instruction *i, bool *is_known);

/* ---- build_object.c, build_call.c ---- */

uint32_t build_help(struct builder *b, unsigned helper, const uint32_t *args, uint32_t count);
/** @brief A new object. @return IR_NONE: an error is recorded. */
uint32_t build_new(struct builder *b, struct cil_type *t);
/** @brief Run the initialiser of a type, unless that has been done. */
bool build_initialise(struct builder *b, struct cil_type *t);
bool build_object(struct builder *b, const struct cil_instruction *i, bool *is_known);
/** A call whose arguments have been popped. */
struct build_call {
    struct cil_callee c;
    const struct cil_signature *sig;
    struct build_rep result;
    /* The place of a struct that is returned comes first, the type of an object may come last. */
    uint32_t args[BUILD_STACK_MAX + 3];
    uint32_t count;
    uint32_t self; /* index of `this` among them */
    bool has_this;
    uint32_t returned; /* of a struct: its place */
    bool is_tail;      /* its result is that of the method that calls */
};

/** @brief Pop what a callee takes. @param takes_this false: of a new object, which is not on the
 * stack. */
bool build_pop_arguments(struct builder *b, struct build_call *k, bool takes_this);
bool build_push_result(struct builder *b, const struct build_call *k, uint32_t value);
/** @brief Call the method with a number, an i32 from the window. @return its result. */
uint32_t build_call_raw(struct builder *b, uint32_t number, uint32_t signature, unsigned type,
                        const uint32_t *args, uint32_t count);
/** @brief The same, and push its result. */
bool build_call_number(struct builder *b, struct build_call *k, uint32_t number);
bool build_is_virtual(const struct cil_callee *c);
/** @brief The number of an object's virtual method. @return IR_NONE: an error is recorded. */
uint32_t build_virtual_number(struct builder *b, const struct cil_callee *c, uint32_t object);
/** @brief Inline a call of a short method. @param is_done Becomes false if the method is not short.
 * @return false: an error is recorded. */
bool build_inline(struct builder *b, const struct build_call *k, bool *is_done);
bool build_calls(struct builder *b, const struct cil_instruction *i, bool *is_known);
/** @brief Whether an object is of the type with a number (unit_cast()): 0 or 1. Of null: 0. */
uint32_t build_is_of(struct builder *b, uint32_t object, uint32_t number);
/** @brief Box the value on top of the stack. */
bool build_box(struct builder *b, struct cil_type *t);
/** @brief Convert the object on top of the stack to a type, as unbox.any does. */
bool build_unbox_any(struct builder *b, struct cil_type *t);
/** @brief Make an object with a constructor whose arguments are on the stack, and push it. */
bool build_construct(struct builder *b, const struct cil_callee *c);
/** @brief Call a method as callvirt does. */
bool build_call_member(struct builder *b, const struct cil_callee *c);
/** @brief Call a static method of the core library, and push its result. @param args As its
 * parameters need them. */
bool build_call_core(struct builder *b, struct cil_class *c, const char *name, const uint32_t *args,
                     uint32_t count);
/** @brief A method that is not translated from CIL. */
bool build_glue(struct builder *b);
/** @brief Whether a method is of types that are nested so deeply that it throws instead. */
bool build_is_deep(const struct cil_unit_method *m);
bool build_ret(struct builder *b);
/** @brief Push a parameter of the method; `this` is the first. @return false: recorded. */
bool build_load_argument(struct builder *b, uint32_t n);

/** @brief The address of a boxed value. @param is_exact A value of an enumeration does not count as
 * one of its integer type. @return IR_NONE: an error is recorded. */
uint32_t build_unboxed(struct builder *b, struct cil_type *t, uint32_t object, bool is_exact);

/** @brief Push a handle of the core library that is one native integer, an i64. */
bool build_push_handle(struct builder *b, const char *name, uint32_t value);

/** @brief Throw unless an array takes an object as an element, or is of this very type. */
void build_check_stored(struct builder *b, uint32_t array, uint32_t object);
bool build_check_exact(struct builder *b, uint32_t array, struct cil_type *t);

/* ---- build_matrix.c ---- */

bool build_new_matrix(struct builder *b, const struct cil_callee *c);
bool build_matrix(struct builder *b, const struct cil_callee *c);

/* ---- build_typed.c ---- */

bool build_typed(struct builder *b, const struct cil_instruction *i, bool *is_known);
/** @brief Where a typed reference has its address. @return false: an error is recorded. */
bool unit_typed_root(struct cil_unit *u, struct cil_type *t, uint32_t *at);

/* ---- build_atomic.c ---- */

/** @brief A call of Interlocked or Volatile, as an operation. @param is_known Becomes false: it is
 * none. */
bool build_atomic(struct builder *b, struct build_call *k, bool *is_known);
/** @brief Around an instruction with the prefix volatile. */
void build_fence(struct builder *b, unsigned opcode, bool is_before);

/* ---- build_nullable.c ---- */

bool build_is_nullable(const struct cil_type *t);
bool build_box_nullable(struct builder *b, struct cil_type *t);
bool build_unbox_nullable(struct builder *b, struct cil_type *t);

/* ---- build_delegate.c ---- */

bool build_function(struct builder *b, const struct cil_instruction *i);
bool build_new_delegate(struct builder *b, struct cil_type *t);
bool build_invoke(struct builder *b, struct build_call *k);
/** @brief Build a CIL_UNIT_MULTI. */
bool build_multi(struct builder *b);
/** @brief Build a CIL_UNIT_OPEN. */
bool build_open(struct builder *b);
/** @brief Build a CIL_UNIT_INVOKE. */
bool build_pass_to_delegate(struct builder *b);
/** @brief Build a CIL_UNIT_NUMBER. */
bool build_by_number(struct builder *b);

/* ---- build_begin.c ---- */

/** @brief Call BeginInvoke or EndInvoke, whose arguments are on the stack. */
bool build_begin_end(struct builder *b, const struct cil_callee *c);

/* ---- build_dispatch.c ---- */

/** @brief Where the types of objects have a virtual method. @return false: an error is recorded. */
bool build_use_of(struct builder *b, const struct cil_callee *c, struct cil_unit_use *out);

/** @brief The method through which a virtual method without type arguments is called. Its last
 * argument is the object's type. @return its number; IR_NONE: an error is recorded. */
uint32_t build_dispatcher(struct builder *b, const struct cil_callee *c);
/** @brief Build a CIL_UNIT_NULL. */
bool build_null(struct builder *b);
/** @brief Build a CIL_UNIT_DISPATCH. @pre All types and methods are known. */
bool build_dispatch(struct builder *b);

/* ---- build_adapt.c ---- */

/** @brief Build a CIL_UNIT_ADAPT. */
bool build_adapter(struct builder *b);

/* ---- build_attribute.c ---- */

/** @brief Build a CIL_UNIT_ATTRIBUTE. */
bool build_attribute(struct builder *b);

/* ---- unit.c ---- */

/** @brief Add element `n` of a list to its index. @return false: an error is recorded. */
bool unit_index_add(struct cil_unit *u, struct cil_unit_index *x, uint32_t hash, uint32_t n);
/** @brief The first element in the chain of a hash, and the next one. @return IR_NONE: the end. */
uint32_t unit_index_first(const struct cil_unit_index *x, uint32_t hash);
static inline uint32_t unit_index_next(const struct cil_unit_index *x, uint32_t n)
{
    return x->next[n] - 1;
}
static inline uint32_t unit_hash(uint32_t h, uint64_t word)
{
    h = (h ^ (uint32_t)word ^ (uint32_t)(word >> 32)) * 0x9e3779b1u;
    return h ^ h >> 15;
}
void *unit_grow(struct cil_unit *u, void *array, uint32_t *capacity, uint32_t needed, size_t size);
/** @brief The number of a method; a new one is translated later. @return IR_NONE: an error is
 * recorded. */
uint32_t unit_method(struct cil_unit *u, const struct cil_callee *c, unsigned kind);
/** @brief The same, if it is there already. @return IR_NONE: it is not. */
uint32_t unit_find_method(const struct cil_unit *u, const struct vmethod *v, unsigned kind);
uint32_t unit_find_callee(const struct cil_unit *u, const struct cil_callee *c, unsigned kind);
/** @brief The number of a native method's callee. @return IR_NONE: an error is recorded. */
uint32_t unit_native(struct cil_unit *u, const struct cil_callee *c);
/** @brief The signature of a CIL_UNIT_EXAMINE. @return IR_NONE: an error is recorded. */
uint32_t unit_examine_signature(struct cil_unit *u);
/** @brief The number of a method's signature in the representation. @return IR_NONE: an error is
 * recorded. */
uint32_t unit_signature_number(struct cil_unit *u, const struct cil_signature *s, bool has_this);
/** @brief The signature of a callee, with its arguments put in. @return NULL: an error is
 * recorded. */
const struct cil_signature *unit_signature(struct cil_unit *u, const struct cil_callee *c);

bool unit_add_root(struct cil_unit *u, struct cil_roots *to, struct cil_root root);
/** @brief Add the references in a value of a type. */
bool unit_add_roots(struct cil_unit *u, struct cil_roots *to, const struct build_rep *rep,
                    uint32_t at, unsigned kind);

/* ---- unit_types.c ---- */

/** @brief A class of the core library, with its fields. @return NULL: an error is recorded. */
struct cil_class *unit_class(struct cil_unit *u, const char *space, const char *name);
/** @brief The same in the namespace System. */
struct cil_class *unit_core_class(struct cil_unit *u, const char *name);
/** @brief Zeroed bytes of the window. @return 0: an error is recorded. */
uint32_t unit_data(struct cil_unit *u, uint32_t bytes);
/** @return NULL: the program does not need it so far. */
struct cil_unit_type *unit_find_type(const struct cil_unit *u, const struct cil_type *t);
/** @return NULL: an error is recorded. */
struct cil_unit_type *unit_type(struct cil_unit *u, struct cil_type *t);
/** @brief The description of a type of which objects are made. @return 0: an error is recorded. */
uint32_t unit_made_type(struct cil_unit *u, struct cil_type *t);
/** @brief The System.RuntimeType of a type. @return 0: an error is recorded. */
uint32_t unit_type_object(struct cil_unit *u, struct cil_type *t);
/** @brief The handle of a type, which has such an object then. @return 0: an error is recorded. */
uint32_t unit_type_handle(struct cil_unit *u, struct cil_type *t);
/** @brief The handle of a static field. @return 0: an error is recorded. */
uint32_t unit_field_handle(struct cil_unit *u, const struct cil_member_field *f);
/** @brief All types need such an object. @return false: an error is recorded. */
bool unit_need_types(struct cil_unit *u);
/** @brief Whether each thread has a static field of its own. */
bool unit_is_of_thread(const struct cil_unit *u, const struct cil_member_field *f);
/** @brief The place of such a field among those of a thread. @return IR_NONE: an error is
 * recorded. */
uint32_t unit_thread_static(struct cil_unit *u, const struct cil_member_field *f);
/** @brief The place of a static field. @return 0: an error is recorded. */
uint32_t unit_static(struct cil_unit *u, const struct cil_member_field *f);
/** @brief Its initialiser. @return false: it has none, or an error is recorded. */
bool unit_initialiser(struct cil_unit *u, struct cil_type *t, struct cil_callee *out);
/** @brief The number of a type that values are cast to. @param is_unbox A boxed value of an
 * enumeration counts as one of its integer type. @return IR_NONE: an error is recorded. */
uint32_t unit_cast(struct cil_unit *u, struct cil_type *t, bool is_unbox);
uint32_t unit_literal(struct cil_unit *u, struct cil_bytes text);
/** @brief A literal is in the program's own code, not only in the core library's. */
void unit_own_literal(struct cil_unit *u, struct cil_bytes text);
/** @brief Whether the program's own code has the text, in ASCII, as a literal. */
bool unit_has_literal(const struct cil_unit *u, const char *text);
bool unit_write_types(struct cil_unit *u);

/* ---- unit_related.c ---- */

/** @brief A native method is called: note which types it brings in. */
void unit_note_need(struct cil_unit *u, const char *native);
/** @brief Add the types that objects of System.Type may lead to. Again whenever types were added.
 * @return false: an error is recorded. */
bool unit_relate(struct cil_unit *u);
/** @brief The public constructor without parameters of a type whose objects can be made.
 * @return false: it has none, or an error is recorded. */
bool unit_default_constructor(struct cil_unit *u, struct cil_type *t, struct cil_callee *out);
/** @brief Whether objects of a type have a finalizer. */
bool unit_has_finalizer(struct cil_unit *u, struct cil_type *t);

/* ---- unit_member.c ---- */

/** @brief The number of a method as an object. @return IR_NONE: an error is recorded. */
uint32_t unit_member(struct cil_unit *u, const struct cil_callee *c);
/** @brief The types that a program names together, as arguments of a method. */
bool unit_list_types(struct cil_unit *u, struct cil_type *const *types, uint32_t count);
/** @brief The number of a new method that makes an attribute. @param n Of the attribute. @return
 * IR_NONE: an error is recorded. */
uint32_t unit_attribute_method(struct cil_unit *u, const struct cil_callee *c, uint32_t n);
/** @brief Whether an array of objects can have the arguments of a method, and an object its
 * result. */
bool unit_can_adapt(const struct cil_signature *s);
/** @brief The number of the method that unpacks the arguments of one with these types. @return
 * IR_NONE: an error is recorded. */
uint32_t unit_adapter(struct cil_unit *u, const struct cil_callee *c);
/** @brief Add the members of types that objects of System.Type lead to, and what calls them.
 * @return false: an error is recorded. */
bool unit_relate_members(struct cil_unit *u);

/* ---- unit_delegate.c ---- */

/** @brief Code makes delegates of a type of a method. @param mark What each of them has as its
 * mark; NULL: a mark would not help, since code rarely calls such delegates. @return false: an
 * error is recorded. */
bool unit_add_delegate(struct cil_unit *u, struct cil_type *t, uint32_t number, uint32_t *mark);
/** @brief Code makes delegates of a type of what objects have for a virtual method. @return false:
 * an error is recorded. */
bool unit_add_virtual_delegate(struct cil_unit *u, struct cil_type *t,
                               const struct cil_unit_use *use);
/** @brief The CIL_UNIT_NUMBER or CIL_UNIT_NULL for calls of a method. @return its number; IR_NONE:
 * an error is recorded. */
uint32_t unit_shared(struct cil_unit *u, const struct cil_callee *c, unsigned kind);

/* ---- unit_reach.c ---- */

/** @brief A virtual method is called. */
bool unit_use(struct cil_unit *u, struct cil_type *owner, uint32_t slot);
/** @brief A virtual method with type arguments is called. @return the number of this use; IR_NONE:
 * an error is recorded. */
uint32_t unit_use_generic(struct cil_unit *u, const struct cil_unit_generic *use);
/** @brief The number of an interface that is called. @return IR_NONE: an error is recorded. */
uint32_t unit_interface(struct cil_unit *u, struct cil_type *t);
/** @brief The method that a use reaches in a type of which objects are made. @return its number;
 * IR_NONE: none, or an error is recorded. */
uint32_t unit_target(struct cil_unit *u, const struct cil_unit_type *k,
                     const struct cil_unit_use *use);
/** @brief Add the methods that virtual calls may reach. Again whenever something was added. */
bool unit_reach(struct cil_unit *u);
/** @brief Write the table of virtual methods with type arguments for a type. @return false:
 * an error is recorded. */
bool unit_write_generics(struct cil_unit *u, const struct cil_unit_type *t);
/** @brief Write the table of an interface for a type. @return its address; 0: the type does not
 * implement it, or an error is recorded. */
uint32_t unit_interface_table(struct cil_unit *u, const struct cil_unit_type *t, uint32_t n);
