// SPDX-License-Identifier: MIT
//
// Fields, arrays, boxes, casts, strings.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/endian.h"

static const struct build_rep byte_rep = {IR_I32, CIL_U1, 1, NULL};

uint32_t build_help(struct builder *b, unsigned helper, const uint32_t *args, uint32_t count)
{
    const struct ir_signature *s = &b->unit->signatures[b->unit->callees[helper].signature];
    unsigned type = s->results == 0 ? (unsigned)IR_VOID : b->unit->types[s->types + s->params];
    uint32_t value = ir_emit(b->f, IR_CALL, type, helper, ir_pool(b->f, args, count), count);
    bool is_object = helper == CIL_HELPER_NEW || helper == CIL_HELPER_NEW_ARRAY;
    return is_object ? build_mark(b, value, BUILD_OBJECT) : value;
}

/* Allocate where the last object ends, if there is room: the memory there is zero, which the heap
 * guarantees up to `full` (clear() in run/collect.c). The type is stored in the same block
 * as the new end, without a safe point in between: a walk over the heap would find an object
 * without a type. With --gc-stress `full` is 0, so that each allocation comes to the
 * helper. */
static uint32_t new_small(struct builder *b, uint32_t type, uint32_t bytes)
{
    struct ir_function *f = b->f;
    uint32_t fast = ir_block_new(f), slow = ir_block_new(f), join = ir_block_new(f);
    uint32_t at = build_load_own(b, IR_I32, CIL_OWN(next));
    uint32_t end = build_op(b, IR_ADD, IR_I32, at, build_number(b, bytes));
    uint32_t fits = build_op(b, IR_LE_U, IR_I32, end, build_load_own(b, IR_I32, CIL_OWN(full)));
    uint32_t to_fast = ir_edge(f, fast, NULL, 0), to_slow = ir_edge(f, slow, NULL, 0);
    (void)ir_emit(f, IR_BRANCH, IR_VOID, fits, to_fast, to_slow);
    ir_block_start(f, slow);
    uint32_t made = build_help(b, CIL_HELPER_NEW, &type, 1);
    (void)ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, join, &made, 1), 0, 0);
    ir_block_start(f, fast);
    build_store_own(b, CIL_OWN(next), end);
    build_store_word(b, at, 0, type);
    (void)ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, join, &at, 1), 0, 0);
    ir_block_start(f, join);
    return build_mark(b, ir_param(f, IR_I32), BUILD_OBJECT);
}

uint32_t build_new(struct builder *b, struct cil_type *t)
{
    uint32_t at = unit_made_type(b->unit, t);
    if (at == 0) {
        return IR_NONE;
    }
    uint32_t bytes = (load_le32(b->unit->data + at + CIL_TYPE_BYTES) + 7) & ~7u;
    const uint32_t type = build_number(b, at);
    return bytes <= CIL_SMALL_BYTES ? new_small(b, type, bytes)
                                    : build_help(b, CIL_HELPER_NEW, &type, 1);
}

/* Null is compared before each access to an object: address 0 of the window is readable. */
static uint32_t pop_object(struct builder *b)
{
    uint32_t object = build_pop_address(b);
    build_require(b, object, IR_TRAP_NULL);
    return object;
}

/* ---- Initialisers ---- */

static bool is_inside(const struct builder *b, const struct cil_callee *initialiser)
{
    return b->m.a == initialiser->a && b->m.row == initialiser->row &&
           b->m.owner == initialiser->owner;
}

/* The flag says whether to call the initialiser (build_glue.c, initialise()). In a program with
 * threads it is set after the initialiser has run: a thread that reads it as set also sees what the
 * initialiser stored. Code of the initialiser itself needs no check. The check is made at each
 * access and not once for a method: another path may not have passed the first one. */
bool build_initialise(struct builder *b, struct cil_type *t)
{
    struct cil_callee c;
    if (!unit_initialiser(b->unit, t, &c)) {
        return b->d->status == OK;
    }
    if (is_inside(b, &c)) {
        return true;
    }
    uint32_t flag = unit_type(b->unit, t)->flag, n = unit_method(b->unit, &c, CIL_UNIT_INITIALISE);
    if (n == IR_NONE) {
        return false;
    }
    uint32_t first = ir_block_new(b->f), next = ir_block_new(b->f);
    uint32_t is_done = build_load_flag(b, flag);
    uint32_t to_next = ir_edge(b->f, next, NULL, 0), to_first = ir_edge(b->f, first, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, is_done, to_next, to_first);
    ir_block_start(b->f, first);
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, NULL, 0), 0);
    build_check_thrown(b);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, next, NULL, 0), 0, 0);
    ir_block_start(b->f, next);
    return true;
}

/* ---- Fields ---- */

/* The only field of a primitive type is the value itself. */
static bool offset_of(struct builder *b, const struct cil_member_field *f, uint32_t *out)
{
    const struct cil_layout *l = cil_type_layout(b->d, f->owner);
    if (l == NULL) {
        return false;
    }
    *out = l->offsets == NULL ? 0 : l->offsets[f->field - f->owner->c->fields];
    return true;
}

static bool is_static(const struct cil_member_field *f)
{
    return (f->field->flags & CIL_FIELD_STATIC) != 0;
}

/* The address of a field, as an address and an offset. A static one has no address, unless each
 * thread has its own. */
static bool place_of(struct builder *b, const struct cil_member_field *f, bool is_address,
                     uint32_t *address, uint32_t *offset)
{
    if (is_static(f) && unit_is_of_thread(b->unit, f)) {
        *offset = build_initialise(b, f->owner) ? unit_thread_static(b->unit, f) : IR_NONE;
        *address = build_load_own(b, IR_I32, CIL_OWN(statics));
        return *offset != IR_NONE;
    }
    if (is_static(f)) {
        *offset = build_initialise(b, f->owner) ? unit_static(b->unit, f) : 0;
        *address = IR_NONE;
        return *offset != 0;
    }
    /* The address of a field of a struct is computed, not used: its own may be null. */
    bool is_unchecked =
        b->structs[b->depth - 1] != NULL || (is_address && !cil_is_reference(f->owner));
    *address = is_unchecked ? build_pop_address(b) : pop_object(b);
    return offset_of(b, f, offset);
}

static bool load_field(struct builder *b, const struct cil_member_field *f, bool is_address)
{
    uint32_t address, offset;
    if (!place_of(b, f, is_address, &address, &offset)) {
        return false;
    }
    if (is_address && address == IR_NONE) {
        return build_push(b, build_mark(b, ir_const(b->f, IR_I32, offset), BUILD_INNER));
    }
    if (is_address) {
        return build_push(b, build_op(b, IR_ADD, IR_I32, address, build_number(b, offset)));
    }
    return build_push_from(b, f->type, address == IR_NONE ? build_number(b, 0) : address, offset);
}

/* @param has_object The field is static, and the object on the stack is ignored (III.4.28). */
static bool store_field(struct builder *b, const struct cil_member_field *f, bool has_object)
{
    uint32_t address, offset, value = build_pop(b);
    if (has_object) {
        (void)build_pop(b);
    }
    return place_of(b, f, false, &address, &offset) &&
           build_store_to(b, f->type, address == IR_NONE ? build_number(b, 0) : address, offset,
                          value);
}

static bool field(struct builder *b, const struct cil_instruction *i)
{
    struct cil_member_field f;
    if (!build_field_token(b, (uint32_t)i->value, &f)) {
        return false;
    }
    bool wants_static = i->opcode >= CIL_OP_LDSFLD && i->opcode <= CIL_OP_STSFLD;
    bool has_object = is_static(&f) && !wants_static;
    if (i->opcode == CIL_OP_STFLD || i->opcode == CIL_OP_STSFLD) {
        return store_field(b, &f, has_object);
    }
    if (has_object) {
        (void)build_pop(b);
    }
    return load_field(b, &f, i->opcode == CIL_OP_LDFLDA || i->opcode == CIL_OP_LDSFLDA);
}

/* ---- Arrays ---- */

/* Check an index of 32 or 64 bits. Compared without a sign, a negative index is too large. All 64
 * bits count: only afterwards may the upper half be dropped. @return its lower half. */
static uint32_t check_index(struct builder *b, uint32_t index, uint32_t array)
{
    uint32_t length = build_load_word(b, array, CIL_LENGTH_AT);
    unsigned type = build_type_of(b, index);
    if (type == IR_I64) {
        length = build_op(b, IR_EXTEND_U, IR_I64, length, 0);
    }
    build_require(b, build_op(b, IR_LT_U, IR_I32, index, length), IR_TRAP_TABLE);
    return type == IR_I64 ? build_op(b, IR_WRAP, IR_I32, index, 0) : index;
}

/* Pop an index and an array. @return where the element is, but for CIL_ELEMENT_AT. */
static uint32_t pop_element(struct builder *b, uint32_t size, uint32_t *array)
{
    uint32_t index = build_pop(b);
    *array = pop_object(b);
    index = check_index(b, index, *array);
    uint32_t bytes = build_op(b, IR_MUL, IR_I32, index, build_number(b, size));
    return build_op(b, IR_ADD, IR_I32, *array, bytes);
}

static unsigned element_kind(unsigned opcode)
{
    static const struct {
        uint16_t load, store;
        uint8_t kind;
    } all[] = {
        {CIL_OP_LDELEM_I1, CIL_OP_STELEM_I1, CIL_I1},
        {CIL_OP_LDELEM_U1, 0, CIL_U1},
        {CIL_OP_LDELEM_I2, CIL_OP_STELEM_I2, CIL_I2},
        {CIL_OP_LDELEM_U2, 0, CIL_U2},
        {CIL_OP_LDELEM_I4, CIL_OP_STELEM_I4, CIL_I4},
        {CIL_OP_LDELEM_U4, 0, CIL_U4},
        {CIL_OP_LDELEM_I8, CIL_OP_STELEM_I8, CIL_I8},
        {CIL_OP_LDELEM_I, CIL_OP_STELEM_I, CIL_I},
        {CIL_OP_LDELEM_R4, CIL_OP_STELEM_R4, CIL_R4},
        {CIL_OP_LDELEM_R8, CIL_OP_STELEM_R8, CIL_R8},
        {CIL_OP_LDELEM_REF, CIL_OP_STELEM_REF, CIL_OBJECT},
    };
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        if (opcode == all[n].load || opcode == all[n].store) {
            return all[n].kind;
        }
    }
    return 0;
}

/* The type of the elements that an instruction works on. @return NULL: an error is recorded. */
static struct cil_type *element_type(struct builder *b, const struct cil_instruction *i)
{
    unsigned kind = element_kind(i->opcode);
    return kind == 0 ? build_type_token(b, (uint32_t)i->value) : cil_primitive(b->d, kind);
}

/* Whether an object is of the type with this number. Null is of no type, and needs no branch: the
 * 4096 bytes at address 0 can be read and are always zero. So the type of null is 0, the table of
 * that type is 0, and the byte in this table is 0, because a number is below CASTS_MAX
 * (unit_types.c). */
uint32_t build_is_of(struct builder *b, uint32_t object, uint32_t number)
{
    uint32_t type = build_load_word(b, object, 0);
    uint32_t casts = build_load_word(b, type, CIL_TYPE_CASTS);
    return build_load_at(b, &byte_rep, build_op(b, IR_ADD, IR_I32, casts, number), 0);
}

/* Arrays are covariant: a string[] may be used as an object[] (III.4.26, III.4.27). So the array
 * decides, and not the type in the code, what may be stored: a mistake here would break type
 * safety. Values that are no references need no check, because their arrays are not covariant with
 * others of another layout. */
void build_check_stored(struct builder *b, uint32_t array, uint32_t object)
{
    uint32_t type = build_load_word(b, array, 0);
    uint32_t number = build_load_word(b, type, CIL_TYPE_ELEMENT);
    uint32_t is_null = build_op(b, IR_EQZ, IR_I32, object, 0);
    uint32_t fits = build_is_of(b, object, number);
    build_require(b, build_op(b, IR_OR, IR_I32, fits, is_null), IR_TRAP_CONVERSION);
}

static bool store_element(struct builder *b, struct cil_type *t, const struct build_rep *rep)
{
    uint32_t array, value = build_pop(b);
    uint32_t at = pop_element(b, rep->size, &array);
    if (rep->kind == CIL_OBJECT) {
        build_check_stored(b, array, value);
    }
    return build_store_to(b, t, at, CIL_ELEMENT_AT, value);
}

bool build_check_exact(struct builder *b, uint32_t array, struct cil_type *t)
{
    uint32_t type = unit_made_type(b->unit, t), found = build_load_word(b, array, 0);
    build_require(b, build_op(b, IR_EQ, IR_I32, found, build_number(b, type)), IR_TRAP_CONVERSION);
    return type != 0;
}

/* An address of an element lets anything of the type be stored: the array must be of that very
 * type. */
static bool element_address(struct builder *b, struct cil_type *t, const struct build_rep *rep)
{
    uint32_t array, at = pop_element(b, rep->size, &array);
    if (rep->kind == CIL_OBJECT && !b->is_readonly) {
        struct cil_type *exact = cil_type_of(b->d, CIL_SZARRAY, t);
        if (exact == NULL || !build_check_exact(b, array, exact)) {
            return false;
        }
    }
    return build_push(b, build_op(b, IR_ADD, IR_I32, at, build_number(b, CIL_ELEMENT_AT)));
}

static bool element(struct builder *b, const struct cil_instruction *i)
{
    struct build_rep rep;
    uint32_t array, at;
    struct cil_type *t = element_type(b, i);
    if (t == NULL || !build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    if (i->opcode == CIL_OP_LDELEMA) {
        return element_address(b, t, &rep);
    }
    if (i->opcode == CIL_OP_STELEM ||
        (i->opcode >= CIL_OP_STELEM_I && i->opcode <= CIL_OP_STELEM_REF)) {
        return store_element(b, t, &rep);
    }
    at = pop_element(b, rep.size, &array);
    return build_push_from(b, t, at, CIL_ELEMENT_AT);
}

static bool new_array(struct builder *b, const struct cil_instruction *i)
{
    struct cil_type *t = build_type_token(b, (uint32_t)i->value);
    struct cil_type *array = t == NULL ? NULL : cil_type_of(b->d, CIL_SZARRAY, t);
    uint32_t type = array == NULL ? 0 : unit_made_type(b->unit, array), length = build_pop(b);
    b->named_count = 0;
    if (type == 0) {
        return false;
    }
    if (build_type_of(b, length) == IR_I64) {
        uint32_t most = ir_build_const(b->f, IR_I64, INT32_MAX);
        build_require(b, build_op(b, IR_LE_U, IR_I32, length, most), IR_TRAP_OVERFLOW);
        length = build_op(b, IR_WRAP, IR_I32, length, 0);
    }
    if (b->unit->catches) {
        build_require(b, build_op(b, IR_LE_S, IR_I32, build_number(b, 0), length),
                      IR_TRAP_OVERFLOW);
    }
    const uint32_t args[] = {build_number(b, type), length};
    return build_push(b, build_help(b, CIL_HELPER_NEW_ARRAY, args, 2));
}

static bool array_length(struct builder *b)
{
    uint32_t length = build_load_word(b, pop_object(b), CIL_LENGTH_AT);
    return build_push(b, build_op(b, IR_EXTEND_U, IR_I64, length, 0));
}

/* ---- Boxes ---- */

bool build_box(struct builder *b, struct cil_type *t)
{
    if (cil_is_reference(t)) {
        return true;
    }
    if (build_is_nullable(t)) {
        return build_box_nullable(b, t);
    }
    uint32_t value = build_pop(b), object = build_new(b, t);
    return object != IR_NONE && build_store_to(b, t, object, CIL_HEADER_BYTES, value) &&
           build_push(b, object);
}

/* The address of a boxed value. A value of an enumeration is also one of its integer type. */
uint32_t build_unboxed(struct builder *b, struct cil_type *t, uint32_t object, bool is_exact)
{
    uint32_t number = unit_cast(b->unit, t, !is_exact);
    build_require(b, object, IR_TRAP_NULL);
    if (number == IR_NONE) {
        return IR_NONE;
    }
    build_require(b, build_is_of(b, object, build_number(b, number)), IR_TRAP_SIGNATURE);
    return build_op(b, IR_ADD, IR_I32, object, build_number(b, CIL_HEADER_BYTES));
}

/* ---- Casts ---- */

static bool cast(struct builder *b, struct cil_type *t, bool is_strict)
{
    uint32_t number = unit_cast(b->unit, t, false), object = build_pop(b);
    if (number == IR_NONE) {
        return false;
    }
    uint32_t fits = build_is_of(b, object, build_number(b, number));
    if (!is_strict) {
        uint32_t found = ir_build(b->f, IR_SELECT, IR_I32, fits, object, build_number(b, 0));
        return build_push(b, build_mark(b, found, BUILD_OBJECT));
    }
    uint32_t is_null = build_op(b, IR_EQZ, IR_I32, object, 0);
    build_require(b, build_op(b, IR_OR, IR_I32, fits, is_null), IR_TRAP_SIGNATURE);
    return build_push(b, object);
}

bool build_unbox_any(struct builder *b, struct cil_type *t)
{
    bool is_value = !cil_is_reference(t);
    if (!is_value || build_is_nullable(t)) {
        return is_value ? build_unbox_nullable(b, t) : cast(b, t, true);
    }
    uint32_t at = build_unboxed(b, t, build_pop_address(b), false);
    return at != IR_NONE && build_push_from(b, t, at, 0);
}

static bool by_type(struct builder *b, const struct cil_instruction *i)
{
    struct cil_type *t = build_type_token(b, (uint32_t)i->value);
    if (t == NULL) {
        return false;
    }
    uint32_t at;
    switch (i->opcode) {
    case CIL_OP_BOX:
        return build_box(b, t);
    case CIL_OP_CASTCLASS:
    case CIL_OP_ISINST:
        return cast(b, build_is_nullable(t) ? cil_plain(t->args[0]) : t,
                    i->opcode == CIL_OP_CASTCLASS);
    case CIL_OP_UNBOX_ANY:
        return build_unbox_any(b, t);
    default:
        if (build_is_nullable(t)) {
            return build_unsupported(b, "unbox of Nullable<T>");
        }
        at = build_unboxed(b, t, build_pop_address(b), false);
        return at != IR_NONE && build_push(b, at);
    }
}

/* ---- Constants ---- */

static bool string(struct builder *b, const struct cil_instruction *i)
{
    struct cil_bytes text;
    if (!cil_user_string(&b->body.a->image, CIL_TOKEN_ROW((uint32_t)i->value), &text)) {
        return cil_body_fail(&b->body, b->at, E_CORRUPT, "no such string");
    }
    uint32_t at = unit_literal(b->unit, text);
    if (b->m.a != b->d->core) {
        unit_own_literal(b->unit, text);
    }
    return at != 0 && build_push(b, build_mark(b, ir_const(b->f, IR_I32, at), BUILD_OBJECT));
}

/* A handle is a struct whose only field, a native integer, is a number of the unit. */
bool build_push_handle(struct builder *b, const char *name, uint32_t value)
{
    static const struct build_rep native_rep = {IR_I64, CIL_I, 8, NULL};
    struct cil_class *c = unit_core_class(b->unit, name);
    if (c == NULL) {
        return false;
    }
    uint32_t slot = build_slot_of(b, c->type, b->depth);
    const struct cil_layout *l = cil_type_layout(b->d, c->type);
    if (slot == IR_NONE || l == NULL || l->size != CIL_POINTER_BYTES) {
        return build_unsupported(b, "a handle that is not one native integer");
    }
    build_store_at(b, &native_rep, slot, 0, value);
    if (!build_push(b, slot)) {
        return false;
    }
    b->structs[b->depth - 1] = c->type;
    return true;
}

static bool push_handle(struct builder *b, const char *name, uint32_t number)
{
    return number != 0 && build_push_handle(b, name, ir_build_const(b->f, IR_I64, number));
}

/* The program may ask for the members of a type that it names. A type of the core library counts
 * only if it is not the library that names it. */
static bool note_named(struct builder *b, struct cil_type *t)
{
    struct cil_assembly *core = b->d->core;
    struct cil_unit_type *k = unit_type(b->unit, t);
    if (k == NULL) {
        return false;
    }
    k->is_shown |= b->m.a != core || (t->c != NULL && t->c->assembly != core);
    if (b->named_count < CIL_TYPE_LIST_MAX) {
        b->named[b->named_count++] = t;
    }
    return true;
}

static bool handle(struct builder *b, const struct cil_instruction *i)
{
    uint32_t token = (uint32_t)i->value;
    struct cil_member_field f;
    unsigned table = CIL_TOKEN_TABLE(token);
    if (table == CIL_TYPE_DEF || table == CIL_TYPE_REF || table == CIL_TYPE_SPEC) {
        struct cil_type *t = build_type_token(b, token);
        if (t != NULL && t->is_open) {
            return build_unsupported(b, "ldtoken of a type without its arguments");
        }
        if (t != NULL && t->c != NULL && t->c->is_enum && unit_made_type(b->unit, t) == 0) {
            return false; /* Enum.Parse makes boxes of a type that it gets as an object */
        }
        if (t != NULL && cil_is_struct(t) && !cil_is_definition(t) &&
            cil_type_layout(b->d, t) == NULL) {
            return false; /* RuntimeType.TraitsOf says whether it has references */
        }
        return t != NULL && note_named(b, t) &&
               push_handle(b, "RuntimeTypeHandle", unit_type_handle(b->unit, t));
    }
    if (table != CIL_FIELD || !build_field_token(b, token, &f)) {
        return b->d->status == OK && build_unsupported(b, "ldtoken of a method");
    }
    if (!is_static(&f)) {
        return build_unsupported(b, "ldtoken of this field");
    }
    return push_handle(b, "RuntimeFieldHandle", unit_field_handle(b->unit, &f));
}

bool build_object(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    *is_known = true;
    if (i->opcode >= CIL_OP_LDFLD && i->opcode <= CIL_OP_STSFLD) {
        return field(b, i);
    }
    if (i->opcode >= CIL_OP_LDELEMA && i->opcode <= CIL_OP_STELEM) {
        return element(b, i);
    }
    switch (i->opcode) {
    case CIL_OP_NEWARR:
        return new_array(b, i);
    case CIL_OP_LDLEN:
        return array_length(b);
    case CIL_OP_BOX:
    case CIL_OP_UNBOX:
    case CIL_OP_UNBOX_ANY:
    case CIL_OP_CASTCLASS:
    case CIL_OP_ISINST:
        return by_type(b, i);
    case CIL_OP_LDSTR:
        return string(b, i);
    case CIL_OP_LDNULL:
        return build_push(b, build_mark(b, ir_const(b->f, IR_I32, 0), BUILD_OBJECT));
    case CIL_OP_LDTOKEN:
        return handle(b, i);
    case CIL_OP_THROW:
        return build_throw(b, pop_object(b));
    default:
        *is_known = false;
        return true;
    }
}
