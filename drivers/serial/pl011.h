// SPDX-License-Identifier: MIT
//
// ARM PrimeCell PL011 UART.
#pragma once

#include "kernel/lib/status.h"

struct boot_uart;

/**
 * @brief Take over the UART that the firmware described and make it a console.
 * @param uart  kind BOOT_UART_PL011, not a port; read only during the call.
 * @return OK; E_INVAL: the description is not valid; E_NOMEM; the errors of irq_request() for its
 * line. On failure the early console still works on it.
 * @context{thread, once a UART}
 */
enum status pl011_init(const struct boot_uart *uart);
