// SPDX-License-Identifier: MIT
//
// What the exception syndrome register says, as a struct fault and in words. Pure; works before the
// MMU is on.
#pragma once

#include "hal/trap.h"

#include <stdint.h>

/** @brief The exception class in words ("data abort"). @return A static string. @context{any} */
const char *esr_class_text(uint64_t esr);

/** @brief The status code of an abort in words ("translation fault, level 2"). @return A static
 * string, or NULL if the class has none. @context{any} */
const char *esr_abort_text(uint64_t esr);

/**
 * @brief The address is none, whatever the tables: bits 63 to 48 differ from bit 55. AUTIASP makes
 *        such a one of an address whose signature does not match (without FEAT_FPAC), for the
 * return to fault on. Arm ARM (DDI 0487), D8.8.
 * @context{any}
 */
bool esr_is_spoiled(uint64_t address);

/**
 * @brief Fill cause, access, mapped, has_address, code and vector from a synchronous exception's
 * ESR.
 * @param far  FAR_EL1; becomes the address if the ESR says that it is valid.
 * @context{any}
 */
void esr_decode(uint64_t esr, uint64_t far, struct fault *fault);
