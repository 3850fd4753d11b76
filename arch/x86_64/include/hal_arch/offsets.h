// SPDX-License-Identifier: MIT
//
// Numbers that assembly shares with C. trap.c asserts that each matches its struct.
#pragma once

/* struct hal_frame */
#define FRAME_VECTOR 136
#define FRAME_RIP    152
#define FRAME_SIZE   192

/* struct hal_cpu */
#define CPU_PREEMPT_OFF 8
#define CPU_MAGAZINES   48
#define CPU_STACK_BASE  7472

/* struct hal_magazine */
#define MAGAZINE_TOP 0
#define MAGAZINE_END 8

/* hal/context.h's HAL_STACK_SIZE */
#define STACK_SIZE 0x8000

/*
 * Bytes that must be left below the stack pointer to handle a fault or an interrupt there. With
 * less a fault is reported as a stack overflow, and an interrupt is handled on IST_IRQ.
 */
#define STACK_ROOM 4096

/* Segment selectors. */
#define SEL_CODE   0x08
#define SEL_DATA   0x10
#define SEL_TSS    0x18
#define SEL_CODE32 0x18 /* in boot_gdt only */

/* The interrupt stacks of enum ist (percpu.h): their
 * number, and the size of a guard page plus a stack. */
#define IST_STACKS     5
#define IST_STACK_SPAN 0x4000
