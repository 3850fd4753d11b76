// SPDX-License-Identifier: MIT
//
// Methods and fields as code names them, by token: resolved in the class or its ancestors, with the
// arguments of generic types put in.
#pragma once

#include "kernel/cil/front/domain.h"

/* Flags of methods and fields (II.23.1.10, II.23.1.5). */
#define CIL_METHOD_STATIC   0x0010
#define CIL_METHOD_FINAL    0x0020
#define CIL_METHOD_VIRTUAL  0x0040
#define CIL_METHOD_ABSTRACT 0x0400
#define CIL_METHOD_PINVOKE  0x2000
#define CIL_FIELD_INIT_ONLY 0x0020
/* Flags of implementations (II.23.1.11). */
#define CIL_IMPL_CODE_MASK     0x0003
#define CIL_IMPL_NATIVE        0x0001
#define CIL_IMPL_RUNTIME       0x0003
#define CIL_IMPL_INTERNAL_CALL 0x1000

struct cil_callee {
    struct cil_assembly *a; /* of the definition; of an array's method: that names it */
    uint32_t row;           /* of MethodDef; 0: a method of an array */
    const char *name;
    uint16_t flags, impl_flags;
    uint8_t short_bytes;    /* for build_inline.c, in the one that cil_resolve_method() returns */
    struct cil_type *owner; /* instantiated as the code says */
    struct cil_type *const *args;
    uint32_t arg_count;
    const struct cil_signature *signature; /* with the arguments put in */
};

struct cil_member_field {
    const struct cil_field *field;
    struct cil_type *owner, *type;
};

/** @brief Resolve a token of MethodDef, MemberRef or MethodSpec. @return NULL: an error is
 * recorded. */
const struct cil_callee *cil_resolve_method(struct cil_assembly *a, uint32_t token);

/** @brief The next method of a class with a name.
 * @param at 0 for the first one; receives where the search goes on.
 * @return NULL: there is none, or an error is recorded. */
const struct cil_callee *cil_method_named(struct cil_class *c, const char *name, uint32_t *at);

/** @brief Resolve a token of Field or MemberRef. @return false: an error is recorded. */
bool cil_resolve_field(struct cil_assembly *a, uint32_t token, struct cil_member_field *out);

/** @brief The method of a delegate that calls it, with the arguments of `t`. @return NULL:
 * an error is recorded. */
const struct cil_callee *cil_delegate_invoke(struct cil_domain *d, struct cil_type *t);

/** @brief The parent of a type, instantiated. @return NULL: it has none, or an error is
 * recorded. */
struct cil_type *cil_type_parent(struct cil_domain *d, const struct cil_type *t);
/** @brief Look up the interfaces that a type's definition names itself: t->interfaces. It must have
 * one. @return false: an error is recorded. */
bool cil_type_interfaces(struct cil_domain *d, struct cil_type *t);

/** @brief True if values of type `from`, which are objects, are also of type `to`. A value type as
 * `from` means its boxed values. Classes that cannot be resolved are recorded. */
bool cil_is_subtype(struct cil_domain *d, struct cil_type *from, struct cil_type *to);
/** @brief Whether a type or its parents may have an interface of a class. @return false: none of
 * them has. true: perhaps one has, or an error is recorded. */
bool cil_may_have_interface(struct cil_domain *d, struct cil_type *t, const struct cil_class *c);

/** @brief The integer type of an enumeration, other types as they are. @return NULL: an error is
 * recorded. */
struct cil_type *cil_underlying(struct cil_domain *d, struct cil_type *t);

/** @brief Write a method's name: "N.T::M". */
size_t cil_method_text(char *out, size_t len, struct cil_assembly *a, uint32_t row);
