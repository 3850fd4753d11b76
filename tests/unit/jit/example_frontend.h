// SPDX-License-Identifier: MIT
//
// A front-end: the worked example of docs/jit.md. The language has one function of one number, in
// words of one letter that work on a stack of numbers and references:
//
//     0 to 9   push the number               n    push the argument
//     + - *    of the two numbers on top     _    push the empty list
//     ,        list, number: a longer list   .    list: its first number    '    list: the rest
//     :        once more what is on top      %    exchange the two on top   @    third to the top
//     ;        drop what is on top           [ ... ]  pop a number, do what is inside so often
//
// What is left is a number, the result. A list is objects of a collector.
#pragma once

#include "kernel/jit/ir.h"

/** What all functions of the language have in common. */
extern const struct ir_module example_module;
#define EXAMPLE_MAIN 0u

/** @brief Translate a program. @param why  Receives what is wrong with it.
 * @return NULL: it is wrong, or there is no memory. @context{thread} */
struct ir_function *example_translate(struct arena *a, const char *program, const char **why);
