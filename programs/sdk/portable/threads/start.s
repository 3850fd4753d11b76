# SPDX-License-Identifier: MIT
#
# Where a new thread begins: in an instance of its own, whose globals have their initial values. So
# it gets its stack and its thread-local variables here, from its struct (threads.c). When the
# function has returned it says so: from then on another thread may free the stack.

	.globaltype	__stack_pointer, i32
	.functype	__wasm_init_tls (i32) -> ()
	.functype	halyard_thread_run (i32) -> ()

	.globl	wasi_thread_start
	.export_name	wasi_thread_start, wasi_thread_start
wasi_thread_start:
	.functype	wasi_thread_start (i32, i32) -> ()
	local.get	1
	i32.load	0
	global.set	__stack_pointer
	local.get	1
	i32.load	4
	call	__wasm_init_tls
	local.get	1
	call	halyard_thread_run
	local.get	1
	i32.const	1
	i32.atomic.store	8
	local.get	1
	i32.const	-1
	memory.atomic.notify	8
	drop
	end_function
