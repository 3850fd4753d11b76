// SPDX-License-Identifier: MIT
//
// Functions of a program whose calls are led elsewhere: a jump replaces the first bytes of their
// code. The program has one thread that runs code, and the bytes change while it is interrupted or
// waits. So no thread executes them while they change, on either machine.
#pragma once

#include "hal/types.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

struct bytecode_patch;
struct program;

/**
 * @brief Lead the calls of a function elsewhere, or back.
 * @param redirects  Of this program's functions.
 * @param p  A patch of the program, whatever it replaces.
 * @param target  0: its own code.
 * @param why  Receives the reason of an error.
 * @return OK; E_NOTSUP: its first bytes cannot be replaced; E_BUSY: a call stays in them;
 *     E_NOENT: the program has ended; E_NOMEM. @context{thread, may sleep; one caller at a time}
 */
enum status redirect(struct list *redirects, const struct program *program,
                     const struct bytecode_patch *p, uint32_t number, vaddr_t target,
                     const char **why);

/** @brief The number of the program's only thread. @return 0: it has ended. @context{thread} */
uint32_t program_thread(const struct program *program);

/** @brief How many of the first bytes of a function are replaced. @context{any} */
uint32_t redirect_bytes(void);

/** @brief Free the list; the code stays as it is. @context{thread} */
void redirect_forget_all(struct list *redirects);
