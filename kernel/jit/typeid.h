// SPDX-License-Identifier: MIT
//
// Numbers for function types: what loader.h offers front-ends as load_types_take(). Only opening it
// is here.
#pragma once

/** @brief Before the first load. @context{thread, once} */
void typeid_init(void);
