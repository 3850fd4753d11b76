// SPDX-License-Identifier: MIT
//
// Turns operations of managed languages into ordinary operations, according to the module's
// description of its collector (struct ir_collector). The last step before selection: no machine
// knows polls or barriers.
//
//     poll                    load.i32 of the flag; if it is not 0, a call of the collector's
//                             helper, which is a safe point, in a rare block after all others
//     store_ref v, object[o]  store.ref of v; then, unless v is null, 1 into the card of the field
//
// A poll therefore costs a load and a branch that is normally not taken, and changes no register:
// values that the call would destroy are saved and restored in the rare block only.
#pragma once

#include "kernel/jit/ir.h"

/**
 * @brief Lower a function. @param f  Verified; not changed.
 * @param out  Receives `f` itself if there is nothing to lower.
 * @return OK, E_NOMEM, E_OVERFLOW. @context{thread}
 */
enum status lower_managed(const struct ir_function *f, struct arena *a,
                          const struct ir_function **out);
