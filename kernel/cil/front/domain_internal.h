// SPDX-License-Identifier: MIT
//
// Shared by the parts of the type system.
#pragma once

#include "kernel/cil/front/bytes.h"
#include "kernel/cil/front/domain.h"

/** @brief The assembly that a row of AssemblyRef names. @return NULL: an error is recorded. */
struct cil_assembly *cil_reference(struct cil_assembly *a, uint32_t row);

/** @brief The class that a token of TypeDef or TypeRef names, not opened. @return NULL:
 * an error is recorded. */
struct cil_class *cil_resolve_class(struct cil_assembly *a, uint32_t token);

/** @brief True if the types are equal, but for the sign of an integer and for enumerations. */
bool cil_same_reduced(struct cil_domain *d, struct cil_type *a, struct cil_type *b);

/** @brief A delegate has one constructor and one Invoke, and no code (II.14.6). @return false:
 * an error is recorded. */
bool cil_delegate_check(struct cil_class *c);

/** @brief True if the class is the core library's of this name in the namespace System. */
bool cil_is_core_class(const struct cil_class *c, const char *name);
