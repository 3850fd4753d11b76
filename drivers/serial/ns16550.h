// SPDX-License-Identifier: MIT
//
// 16550 UART and its predecessors without a FIFO, at ports or in memory.
#pragma once

#include "hal/io.h"
#include "kernel/io/irq.h"
#include "kernel/lib/status.h"

struct boot_uart;
struct ns16550;

/**
 * @brief Take over the UART that the firmware described and make it a console.
 * @param uart  kind BOOT_UART_16550; read only during the call.
 * @return OK; E_INVAL: the description is not valid, or names a port and the CPU has no ports;
 * E_NODEV: no UART answers; E_NOMEM; the errors of irq_request() for its line. On failure the
 * early console still works on it.
 * @context{thread, once a UART}
 */
enum status ns16550_init(const struct boot_uart *uart);

/* The steps of ns16550_init(), for a bus that finds UARTs itself: create, attach
 * ns16550_interrupt(), open. */

/**
 * @brief Check whether a UART answers, and disable its interrupts.
 * @param regs  Registers, copied; they stay valid until ns16550_destroy() or ns16550_abandon().
 * @return OK; E_NODEV; E_NOMEM.
 * @context{thread}
 */
enum status ns16550_create(const struct io_region *regs, uint8_t reg_shift, struct ns16550 **out);

/** @brief Free a UART that was not opened. @context{thread} */
void ns16550_destroy(struct ns16550 *u);

/** @brief The UART's interrupt handler; ctx is the struct ns16550. @context{IRQ} */
enum irq_result ns16550_interrupt(void *ctx);

/** @brief Make it a console, for ever. @pre the handler is attached. @context{thread, may sleep} */
void ns16550_open(struct ns16550 *u);

/**
 * @brief The hardware is removed. The console stays, discards all output, and has no input. No
 * register is accessed after the return. @pre the handler is detached. @context{thread}
 */
void ns16550_abandon(struct ns16550 *u);
