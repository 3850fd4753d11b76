// SPDX-License-Identifier: MIT
//
// Virtual methods: the slots of a class, and which method of a class implements one of an
// interface (ECMA-335 II.12.2).
#pragma once

#include "kernel/cil/front/member.h"

#define CIL_METHOD_NEW_SLOT 0x0100
#define CIL_METHOD_ACCESS   0x0007
#define CIL_METHOD_PUBLIC   0x0006

/** A method of an instantiated type. */
struct vmethod {
    struct cil_assembly *a;
    uint32_t row;
    struct cil_type *owner;
};

struct vslot {
    const char *name;
    const struct cil_signature *sig;
    struct vmethod method; /* the implementation */
    struct vmethod own;    /* the method of the class itself that has this slot; row 0: none */
};

struct cil_vtable {
    struct cil_type *type;
    struct vslot *slots;
    uint32_t count;
};

/** @brief The slots of a class. @param t Not an interface; not open. @return NULL: an error is
 * recorded. */
struct cil_vtable *cil_vtable_make(struct cil_domain *d, struct cil_type *t);

/** @brief The slot of a virtual method in its own class. @return UINT32_MAX: it has none. */
uint32_t cil_vtable_slot(const struct cil_vtable *v, const struct cil_assembly *a, uint32_t row);

/**
 * @brief Find what implements a method of an interface.
 * @param iface Instantiated. @param row Of the method, in the interface's assembly.
 * @return false: nothing does, or an error is recorded (d->status).
 */
bool cil_vtable_implementation(struct cil_domain *d, const struct cil_vtable *v,
                               struct cil_type *iface, uint32_t row, struct vmethod *out);

/** @brief The interface of a type that a call of `wanted` reaches: that one, or by variance another
 * instantiation. @return NULL: none, or an error is recorded. */
struct cil_type *cil_implemented_interface(struct cil_domain *d, struct cil_type *t,
                                           struct cil_type *wanted);
