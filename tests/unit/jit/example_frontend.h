// SPDX-License-Identifier: MIT
//
// A front-end: the worked example of docs/jit.md. A program is one function of one number, written
// in words of one letter that work on a stack of numbers and references:
//
//     0 to 9   push the number               n    push the argument
//     + - *    of the two numbers on top     _    push the empty list
//     ,        list, number: a longer list   .    list: its first number    '    list: the rest
//     :        push the top once more        %    exchange the two on top   @    third to the top
//     ;        drop the top                  [ ... ]  pop a number, repeat the inside that often
//
// The number that remains is the result. A list consists of garbage-collected objects.
#pragma once

#include "kernel/jit/ir.h"

/** Shared by all functions of the language. */
extern const struct ir_module example_module;
#define EXAMPLE_MAIN 0u

/** @brief Translate a program. @param why  Receives the error message.
 * @return NULL: the program is invalid, or memory is short. @context{thread} */
struct ir_function *example_translate(struct arena *a, const char *program, const char **why);
