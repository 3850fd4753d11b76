// SPDX-License-Identifier: MIT
//
// Decodes the exception syndrome register into a struct fault and into words. Pure; works before
// the MMU is on.
#pragma once

#include "hal/trap.h"

#include <stdint.h>

/** @brief The exception class in words ("data abort"). @return A static string. @context{any} */
const char *esr_class_text(uint64_t esr);

/** @brief The status code of an abort in words ("translation fault, level 2"). @return A static
 * string; NULL if the class has no status code. @context{any} */
const char *esr_abort_text(uint64_t esr);

/**
 * @brief Whether an address is invalid under any tables: bits 63 to 48 differ from bit 55. AUTIASP
 * turns an address whose signature does not match into such an address (without FEAT_FPAC), so that
 * the return faults. Arm ARM (DDI 0487), D8.8.
 * @context{any}
 */
bool esr_is_spoiled(uint64_t address);

/**
 * @brief Fill cause, access, mapped, has_address, code and vector from a synchronous exception's
 * ESR.
 * @param far  FAR_EL1; becomes the address if the ESR marks it as valid.
 * @context{any}
 */
void esr_decode(uint64_t esr, uint64_t far, struct fault *fault);
