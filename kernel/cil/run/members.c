// SPDX-License-Identifier: MIT
//
// Native methods of methods as objects. A number that stands for one comes from the program, and is
// compared with the length of the list. Nothing is added to the domain: unit_member.c has decoded
// all signatures.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* Numbers are one higher than in the list: 0 is none. Ends the program if there is no such
 * member. */
static const struct cil_unit_member *member_of(struct cil_runtime *r, uint64_t number)
{
    if ((uint32_t)number == 0 || (uint32_t)number > r->unit->member_count) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return &r->unit->members[(uint32_t)number - 1];
}

/* @return 0: there are not as many; UINT32_MAX: the members of this type are not known. */
uint64_t cil_member_at(struct cil_runtime *r, uint64_t type, uint64_t number, uint64_t c,
                       uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    if (k->members == NULL) {
        return UINT32_MAX;
    }
    return (uint32_t)number < k->member_count ? k->members[(uint32_t)number] + 1 : 0;
}

uint64_t cil_member_name(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const char *name = member_of(r, number)->c.name;
    return cil_string_from(r, name, strlen(name));
}

/* The flags; from bit 16 on how many parameters; from bit 32 on how many type parameters; bit 48:
 * they have arguments. */
uint64_t cil_member_traits(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_unit_member *m = member_of(r, number);
    return m->c.flags | (uint64_t)m->c.signature->param_count << 16 |
           (uint64_t)m->c.signature->generic_count << 32 |
           (uint64_t)(m->c.arg_count != 0 ? 1 : 0) << 48;
}

enum { OWNER, RESULT, FIRST_PARAMETER, FIRST_ARGUMENT = 0x10000 }; /* as Members has them */

/* @return null: it has no such parameter, or its type is no object. */
uint64_t cil_member_type(struct cil_runtime *r, uint64_t number, uint64_t which, uint64_t c,
                         uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_member *m = member_of(r, number);
    const struct cil_signature *s = m->c.signature;
    uint32_t n = (uint32_t)which;
    if (n == OWNER) {
        return cil_type_object(r, m->c.owner);
    }
    if (n == RESULT) {
        return cil_type_object(r, cil_plain(s->result));
    }
    if (n >= FIRST_ARGUMENT) {
        n -= FIRST_ARGUMENT;
        return n < m->c.arg_count ? cil_type_object(r, cil_plain(m->c.args[n])) : 0;
    }
    n -= FIRST_PARAMETER;
    return n < s->param_count ? cil_type_object(r, cil_plain(s->params[n])) : 0;
}

/* @return null: the file has no name for it. */
const char *cil_parameter_name(struct cil_runtime *r, const struct cil_image *m, uint32_t row,
                               uint32_t parameter)
{
    struct cil_run run = cil_cell_run(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_PARAMS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t n = cil_run_row(m, CIL_PARAM, at);
        cil_poll(r, 1);
        if (cil_cell(m, CIL_PARAM, n, CIL_PARAM_SEQUENCE) == parameter + 1) {
            return cil_cell_string(m, CIL_PARAM, n, CIL_PARAM_NAME);
        }
    }
    return NULL;
}

uint64_t cil_member_parameter(struct cil_runtime *r, uint64_t number, uint64_t parameter,
                              uint64_t c, uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_member *m = member_of(r, number);
    const char *name = cil_parameter_name(r, &m->c.a->image, m->c.row, (uint32_t)parameter);
    return name == NULL ? 0 : cil_string_from(r, name, strlen(name));
}

static uint32_t load_word(struct cil_runtime *r, uint64_t at)
{
    return load_le32(cil_memory(r, at, 4));
}

/* The tables are in the window, where the program can write. So the call that uses the number
 * checks it, as compiled code does. */
static uint32_t number_of(struct cil_runtime *r, const struct cil_unit_member *m, uint32_t object)
{
    if (m->entry <= CIL_ENTRY_DIRECT) {
        return m->number;
    }
    uint64_t type = load_word(r, object), tables;
    switch (m->entry) {
    case CIL_ENTRY_SLOT:
        return load_word(r, type + CIL_TYPE_METHODS + UINT64_C(4) * m->at);
    case CIL_ENTRY_INTERFACE:
        tables = load_word(r, type + CIL_TYPE_TABLES);
        return load_word(r, load_word(r, tables + UINT64_C(4) * m->number) + UINT64_C(4) * m->at);
    default:
        return load_word(r, load_word(r, type + CIL_TYPE_GENERIC) + UINT64_C(4) * m->at);
    }
}

/* What calls the method, in the upper half, and the number of its code, in the lower half.
 * @return 0: the program does not contain it; all bits: the object is not of its type. */
uint64_t cil_member_entry(struct cil_runtime *r, uint64_t number, uint64_t object, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_member *m = member_of(r, number);
    if (m->entry == CIL_ENTRY_NONE) {
        return 0;
    }
    if ((m->c.flags & CIL_METHOD_STATIC) == 0) {
        uint64_t type = (uint32_t)object == 0 ? 0 : load_word(r, object);
        uint64_t casts = load_word(r, type + CIL_TYPE_CASTS);
        if (type == 0 || *(const uint8_t *)cil_memory(r, casts + m->cast - 1, 1) == 0) {
            return UINT64_MAX;
        }
    }
    uint32_t found = number_of(r, m, (uint32_t)object);
    return found == 0 ? 0 : (uint64_t)m->adapter << 32 | found;
}

static bool has_arguments(struct cil_runtime *r, const struct cil_unit_member *m,
                          const struct cil_text *types)
{
    for (uint32_t n = 0; n < m->c.arg_count; n++) {
        uint32_t object = load_le32((const uint8_t *)types->at + (size_t)CIL_POINTER_BYTES * n);
        if (cil_plain(m->c.args[n]) != cil_type_by_object(r, object)->type) {
            return false;
        }
    }
    return true;
}

/* @return 0: the program does not contain the method with these arguments. */
uint64_t cil_member_instance(struct cil_runtime *r, uint64_t number, uint64_t arguments, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    (void)member_of(r, number);
    const struct cil_text types = cil_array(r, arguments, CIL_POINTER_BYTES);
    for (uint32_t n = 0; n < r->unit->member_count; n++) {
        const struct cil_unit_member *m = &r->unit->members[n];
        cil_poll(r, 1);
        if (m->definition == (uint32_t)number && m->c.arg_count == types.length &&
            has_arguments(r, m, &types)) {
            return n + UINT64_C(1);
        }
    }
    return 0;
}

/* @return the number of what a delegate calls; 0: the program does not contain it. */
uint64_t cil_member_delegate(struct cil_runtime *r, uint64_t number, uint64_t is_open, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_member *m = member_of(r, number);
    return (uint32_t)is_open != 0 ? m->open : m->closed;
}

uint64_t cil_type_multi(struct cil_runtime *r, uint64_t type, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_type_by_object(r, type)->multi;
}

/* ---- Attributes ---- */

/* @param member 0: of the type itself. @return 0: there are not as many; UINT32_MAX: they are not
 * known. */
uint64_t cil_attribute_at(struct cil_runtime *r, uint64_t type, uint64_t member, uint64_t number,
                          uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    const struct cil_unit_member *m = (uint32_t)member == 0 ? NULL : member_of(r, member);
    uint32_t first = m == NULL ? k->first_attribute : m->first_attribute;
    uint32_t count = m == NULL ? k->attribute_count : m->attribute_count;
    if (!(m == NULL ? k->has_attributes : m->has_attributes)) {
        return UINT32_MAX;
    }
    return (uint32_t)number < count ? first + (uint32_t)number + 1 : 0;
}

static const struct cil_unit_attribute *attribute_of(struct cil_runtime *r, uint64_t number)
{
    if ((uint32_t)number == 0 || (uint32_t)number > r->unit->attribute_count) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return &r->unit->attributes[(uint32_t)number - 1];
}

uint64_t cil_attribute_type(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_type_object(r, attribute_of(r, number)->c.owner);
}

uint64_t cil_attribute_maker(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return attribute_of(r, number)->number + UINT64_C(1);
}

/* Another name, because it brings in other arrays. */
uint64_t cil_attribute_array(struct cil_runtime *r, uint64_t type, uint64_t length, uint64_t c,
                             uint64_t d, uint64_t e)
{
    return cil_type_make_array(r, type, length, c, d, e);
}
