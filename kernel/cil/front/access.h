// SPDX-License-Identifier: MIT
//
// Which code may name a type or a member (ECMA-335 I.8.5.3): public, protected, internal, private.
#pragma once

#include "kernel/cil/front/domain.h"

/** How far a member is visible: the low bits of its flags (II.23.1.5, II.23.1.10). */
enum cil_access {
    CIL_COMPILER_CONTROLLED,
    CIL_PRIVATE,
    CIL_FAMILY_AND_ASSEMBLY,
    CIL_INTERNAL,
    CIL_FAMILY,
    CIL_FAMILY_OR_ASSEMBLY,
    CIL_PUBLIC,
};

#define CIL_ACCESS_MASK 7u

/** @brief True if code of a class may name a type, with all types that it is made of. */
bool cil_may_name_type(struct cil_class *from, const struct cil_type *t);

/** @brief True if code of a class may name a member. @param flags The member's. The type that it is
 * a member of is not looked at. */
bool cil_may_name_member(struct cil_class *from, struct cil_class *owner, unsigned flags);

/**
 * @brief The class that allows an access to an object's protected member: `from`, or one around it.
 * @param from NULL: none is left. @return NULL: none (any more).
 */
struct cil_class *cil_family_class(struct cil_class *from, const struct cil_class *owner);

/** @brief True if the access to a member depends on the object: it is protected, and neither the
 * same assembly nor a class around the code allows it. */
bool cil_needs_family(const struct cil_class *from, const struct cil_class *owner, unsigned flags);

/** @brief True if a class is another, derives from it or implements it, whatever their type
 * arguments. */
bool cil_class_derives(struct cil_class *c, const struct cil_class *from);

/** @brief "private": for messages. */
const char *cil_access_name(unsigned flags);
