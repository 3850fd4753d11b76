// SPDX-License-Identifier: MIT
//
// What a managed language's operations mean on every machine: polls and stores of references become
// ordinary operations, by what the module says of its collector (struct ir_collector). The last
// step before selection; no machine knows either of them.
//
//     poll                    load.i32 of the flag; if it is not 0, in a rare block behind all
//                             others, a call of the collector's helper that is a safe point
//     store_ref v, object[o]  store.ref of v; then, unless v is null, a 1 to the card of the field
//
// A poll therefore costs a load and a branch that is never taken, and keeps all registers: what the
// call changes is stored and loaded again in the rare block alone.
#pragma once

#include "kernel/jit/ir.h"

/**
 * @brief Lower a function. @param f  Verified; not changed.
 * @param out  Receives `f` itself if there is nothing to be lowered.
 * @return OK, E_NOMEM, E_OVERFLOW. @context{thread}
 */
enum status lower_managed(const struct ir_function *f, struct arena *a,
                          const struct ir_function **out);
