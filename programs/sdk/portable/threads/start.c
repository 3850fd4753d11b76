// SPDX-License-Identifier: MIT
//
// Where a program begins. With the C library's own entry the linker would let every export, that of
// a new thread too, run the constructors before and flush the streams after.
#include <stdlib.h>

extern void __wasm_call_ctors(void);
extern int __main_void(void);

__attribute__((export_name("_start"))) void _start(void);

void _start(void)
{
    __wasm_call_ctors();
    exit(__main_void());
}
