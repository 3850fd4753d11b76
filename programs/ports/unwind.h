// SPDX-License-Identifier: MIT
// Errors that return through many calls, for C programs that jump over functions for that purpose:
// WebAssembly without exceptions cannot. The compiler knows nothing of it. scripts/lib/unwind.py
// changes the linked program: it adds a return after each call that may have thrown.
#pragma once

/** Call f(a, b). Returns 1 if it threw, else 0. */
int unwind_try(void (*f)(void *a, void *b), void *a, void *b);

/** Return to the innermost unwind_try(). The caller's next statement does not run. */
void unwind_throw(void);
