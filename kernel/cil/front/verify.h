// SPDX-License-Identifier: MIT
//
// The verifier of types on the evaluation stack (ECMA-335 III.1.8): code that passes accesses
// memory only as its types allow.
#pragma once

#include "kernel/cil/front/body.h"

/**
 * @brief Verify a method with a body.
 * @param row Of MethodDef. A method without code passes.
 * @param arena For temporary memory; the caller frees it.
 * @return false: an error is recorded. E_CORRUPT: no valid code, even in a trusted assembly;
 * E_PERM: valid, but
 * not verifiable, in an assembly that is not trusted; E_NOTSUP: variable arguments.
 */
bool cil_verify_method(struct cil_assembly *a, uint32_t row, struct arena *arena);

/** @brief Whether the type arguments of a method and of its owner, which are not open, meet their
 * constraints. @return false: they do not, or an error is recorded. */
bool cil_meets_constraints(const struct cil_callee *c);

/** @brief True if a method has IL code: it is neither abstract nor provided by the runtime. */
bool cil_has_body(const struct cil_assembly *a, uint32_t row);
