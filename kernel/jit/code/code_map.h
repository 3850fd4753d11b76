// SPDX-License-Identifier: MIT
//
// Compiled code that can run, and what addresses in it mean: which function, which place in its
// source, which trap a fault there is, which calls were open. Of any front-end: what a piece was
// compiled from has numbers and names here and no more.
//
// A map is used by one thread at a time: who adds or removes pieces runs nothing in it. So what
// fault handlers read does not change under them, and they take nothing.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/jit/code/code_space.h"

struct code_map;
struct jit_machine;

/** A function's code. */
struct code_function {
    uint32_t start, size; /* bytes; start from that of the piece. Without what aligns the next */
    uint32_t frame_bytes; /* of stack */
};

/** A piece of executable code. Stays in place while it is in a map. */
struct code_piece {
    struct code_block block;
    struct code_map *map;
    struct jit_row *rows; /* ascending; pc, and where a landing is, from the start of the block */
    uint32_t *refs;       /* what safe points list, or NULL */
    struct code_function *functions; /* ascending */
    uint32_t row_count, function_count;
    uint32_t first;     /* number of the first function in what it was compiled from */
    const void *source; /* which that is, as frames name it; NULL: code between two languages, which
                           has no place in a backtrace */
    /** By number, NULL for what has none; or NULL. As long as the piece is in a map. */
    const char *const *names;
    struct code_piece *next; /* in the map */
};

/** A function that was open. */
struct code_frame {
    const void *source;          /* code_piece.source */
    uint32_t function, location; /* number; jit_row.location, 0: not known */
};

#define CODE_FRAMES 16

/** Where things stood when what ran was given up, innermost first. */
struct code_trace {
    uint32_t depth; /* frames that were open, perhaps more than are listed; 0: not known */
    struct code_frame frames[CODE_FRAMES];
};

/** How compiled code ended: what jit_enter() returns. */
enum code_outcome {
    CODE_RETURNED = 0,
    CODE_TRAPPED = 1, /**< and enum ir_trap on top of it */
    CODE_STOPPED = CODE_TRAPPED + IR_TRAP_COUNT,
};

/** What runs together: a program. Zeroed, with what is [I] filled in, it is ready. */
struct code_map {
    const struct code_space *space;    /* [I] where pieces lie */
    const struct jit_machine *machine; /* [I] that runs them */
    /** [I] Is an address in memory that the code may reach into, committed or not? An access that
     * was refused there is a trap. @context{fault handler: takes nothing} */
    bool (*has_address)(void *ctx, uint64_t address);
    void *ctx;                    /* [I] */
    struct code_map **running;    /* [I] set while code of the map or what it calls runs, or NULL */
    const _Atomic uint32_t *stop; /* set before anything runs. Not 0: what runs is to end */
    struct budget *budget;        /* set before anything is added: pays for lists; or NULL */
    struct code_piece *pieces;    /* the newest first */
    struct jit_entry *entry;      /* innermost; NULL: nothing runs */
    struct code_trace trace;      /* of what was given up last */
};

/**
 * @brief Seal a piece whose block is written, and list it. What addresses in it mean is filled in.
 * @return OK; what code_space.seal() returns: nothing has changed. @context{thread}
 */
enum status code_map_add(struct code_map *m, struct code_piece *p);

/** @brief Take a piece out, give its block back and free its lists. Zeroed, or not in a map: frees
 * its lists. Nothing runs in it. @context{thread} */
void code_map_remove(struct code_map *m, struct code_piece *p);

/** @brief The piece that an address is in. @return NULL: none. @context{thread that uses the map,
 * its fault handler included} */
const struct code_piece *code_map_find(const struct code_map *m, uint64_t pc);

/** @brief Name an address: "main+0x1c". @pre It is in the piece. @context{any in which the piece
 * cannot be removed} */
void code_piece_describe(const struct code_piece *p, uint64_t pc, char *buf, size_t len);

/** @brief A function's code by its number. @return NULL: the piece has none of that number.
 * @context{any in which the piece cannot be removed} */
const struct code_function *code_piece_function(const struct code_piece *p, uint32_t number);

/* ---- Of a runtime with a collector: what the frame says that a return address is from ---- */

/** @brief What lives over the safe point that returns to an address, as code.h has it. From a frame
 * of C the address is jit_machine.return_address()'s, here and below.
 * @return NULL: that is no safe point. @pre It is in the piece. @context{as above} */
const uint32_t *code_piece_refs(const struct code_piece *p, uint64_t pc);
/** @brief Where the call that returns to an address goes on if it is unwound, with the frame
 * pointer of its frame and nothing else. @return 0: it is no invoke. @context{as above} */
uint64_t code_piece_landing(const struct code_piece *p, uint64_t pc);

/* ---- Faults ---- */

/** Of a fault, what the machine said. */
struct code_fault {
    uint64_t pc, fp, sp;
    uint64_t
        caller; /* where the code at pc returns to if it has no frame of its own; 0: not known */
    uint64_t address; /* that was accessed; of a memory fault only */
    bool is_memory;   /* an access was refused */
    /* The instruction at pc did nothing wrong: too little stack is left for the interrupt that came
     * there. */
    bool is_interrupt;
};

/** Where to go on: jit_leave(entry, outcome). */
struct code_resume {
    struct jit_entry *entry;
    uint64_t outcome; /* enum code_outcome */
};

/**
 * @brief Is a fault one that the code may have? Then what runs is given up, and m->trace says
 * where.
 * @return true: go on as *out says; after an interrupt without stack, with IR_TRAP_STACK. false:
 * pc is not in the code, or no row explains it.
 * @context{fault handler of the thread that runs in the map}
 */
bool code_map_fault(struct code_map *m, const struct code_fault *fault, struct code_resume *out);

/** @brief Have code that was interrupted at any instruction end, if m->stop says so.
 * @return false: it does not, or pc is not in its code. In a host function the flag will be seen
 * when it returns; in a helper that is no loop it will not, so ask again at the next interrupt.
 * @context{as above, or an interrupt of that thread} */
bool code_map_interrupt(struct code_map *m, uint64_t pc, struct code_resume *out);

/** @brief Give up what runs, called by it. m->trace says where. @param outcome  Not CODE_RETURNED.
 * @context{function that code of the map has called, nothing held} */
_Noreturn void code_map_leave(struct code_map *m, uint64_t outcome);
