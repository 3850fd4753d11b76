// SPDX-License-Identifier: MIT
//
// 16550 UART and its ancestors without a FIFO, at ports or in memory.
#pragma once

#include "kernel/status.h"

struct boot_uart;

/**
 * @brief Take over the UART that the firmware described and make it a console.
 * @param uart  kind BOOT_UART_16550; read only during the call.
 * @return OK; E_INVAL: the description makes no sense; E_NODEV: nothing answers there; E_NOMEM;
 * what irq_request() says of its line. On failure the early console still works on it.
 * @context{thread, once a UART}
 */
enum status ns16550_init(const struct boot_uart *uart);
