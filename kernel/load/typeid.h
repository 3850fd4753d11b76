// SPDX-License-Identifier: MIT
//
// Numbers for function types, behind load_types_take()
// of loader.h. Only initialisation is declared here.
#pragma once

/** @brief Initialise; before the first load. @context{thread, once} */
void typeid_init(void);
