// SPDX-License-Identifier: MIT
//
// Compiled code that can run, and the meaning of its addresses: which function, which place in its
// source, which trap a fault there is, which calls are active. Independent of the front-end, whose
// sources have only numbers and names here.
//
// One thread at a time uses a map: it has what that thread runs, and where. Threads of one program
// share the code: their maps refer to the one that has the pieces. Nothing in it may be running
// while pieces are added or removed. So the lists do not change while fault handlers use them, and
// no lock is needed.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/jit/code/code_space.h"

struct code_map;
struct jit_machine;

/** The code of a function. */
struct code_function {
    /* bytes; start is relative to the piece. Without padding for the next function */
    uint32_t start, size;
    uint32_t frame_bytes; /* of stack */
    uint32_t number;      /* in its source */
};

/** A piece of executable code: some functions of a source, which may have further pieces. Stays in
 * place while it is in a map. */
struct code_piece {
    struct code_block block;
    struct code_map *map;
    struct jit_row *rows; /* ascending; pc and landings are relative to the start of the block */
    uint32_t *refs;       /* lists of safe points, or NULL */
    struct code_function *functions; /* ascending, by start and by number */
    uint32_t row_count, function_count;
    /* identifies the source in frames; NULL: glue code between two languages, which does not appear
     * in backtraces */
    const void *source;
    /** By number; NULL for functions without a name; or NULL. Must live as long as the piece is in
     * a map. */
    const char *const *names;
};

/** An active function. */
struct code_frame {
    const void *source;          /* code_piece.source */
    uint32_t function, location; /* number; jit_row.location, 0: not known */
};

#define CODE_FRAMES 16

/** The active frames when execution was ended early, innermost first. */
struct code_trace {
    uint32_t depth; /* number of active frames, perhaps more than are listed; 0: not known */
    struct code_frame frames[CODE_FRAMES];
};

/** How compiled code ended: the value that jit_enter() returns. */
enum code_outcome {
    CODE_RETURNED = 0,
    CODE_TRAPPED = 1, /**< with the enum ir_trap in higher bits */
    CODE_STOPPED = CODE_TRAPPED + IR_TRAP_COUNT,
    CODE_THROWN, /**< an exception found no landing */
};

/** The code of a program. Ready when all zero except
 * the fields marked [I], which the caller sets. */
struct code_map {
    const struct code_space *space;    /* [I] where pieces are placed */
    const struct jit_machine *machine; /* [I] the machine that runs them */
    /** [I] Whether an address is in memory that the code may access, committed or not: an access
     * fault there is a trap. @context{fault handler: no locks, no allocation} */
    bool (*has_address)(void *ctx, uint64_t address);
    void *ctx; /* [I] */
    /* [I] where a thread keeps the map whose code it runs, or has called C from; or NULL */
    struct code_map **(*running)(void);
    const _Atomic uint32_t *stop; /* set before code runs. Not 0: the running code has to end */
    struct budget *budget;        /* set before anything is added: charged for lists; or NULL */
    /* ascending by address, for binary search: a program whose functions are compiled on first call
     * has thousands. Only for the thread that uses the map */
    struct code_piece **pieces;
    uint32_t piece_count, piece_capacity;
    /* another map, whose pieces this one runs, too; NULL: none. Of another thread of the program;
     * or of code that replaces some of this: then set with release while the code runs */
    const struct code_map *also;
    struct jit_entry *entry; /* innermost; NULL: nothing is running */
    struct code_trace trace; /* of the last execution that ended early */
};

/**
 * @brief Seal a piece whose block has been written, and add it. Its lists must be complete.
 * @return OK; E_NOMEM; as code_space.seal(): nothing has changed. @context{thread}
 */
enum status code_map_add(struct code_map *m, struct code_piece *p);

/** @brief Remove a piece, free its block and its lists. If it is all zero or in no map: free its
 * lists only. Nothing may be running in it. @context{thread} */
void code_map_remove(struct code_map *m, struct code_piece *p);

/** @brief The piece that contains an address. @return NULL: none. @context{thread that uses the
 * map, its fault handler included} */
const struct code_piece *code_map_find(const struct code_map *m, uint64_t pc);

/** @brief Describe an address: "main+0x1c". @pre It is in the piece. @context{any in which the
 * piece cannot be removed} */
void code_piece_describe(const struct code_piece *p, uint64_t pc, char *buf, size_t len);

/**
 * @brief The code of a function, by number. @return NULL: the piece does not contain it.
 * @context{any in which the piece cannot be removed}
 */
const struct code_function *code_piece_function(const struct code_piece *p, uint32_t number);

/**
 * @brief The function of a source that starts at an address. @return NULL: there is none, or the
 * source is NULL: such pieces (adapters, stubs) have nothing in common.
 * @context{thread that uses the map}
 */
const struct code_function *code_map_entry(const struct code_map *m, const void *source,
                                           uint64_t address);

/* ---- For a runtime whose references live in registers and frames: facts about the frame that a
 * return address belongs to. The .NET runtime keeps its references in the program's memory, and
 * needs only the landings. ---- */

/**
 * @brief The list of what lives across the safe point that returns to an address; format in code.h.
 * For a frame of C, here and below, pass the address through jit_machine.return_address().
 * @return NULL: not a safe point. @pre It is in the piece. @context{as above}
 */
const uint32_t *code_piece_refs(const struct code_piece *p, uint64_t pc);
/** @brief Where to continue if the call that returns to an address is unwound. Only the frame
 * pointer of its frame must be set. @return 0: it is no invoke. @context{as above} */
uint64_t code_piece_landing(const struct code_piece *p, uint64_t pc);

/* ---- Faults ---- */

/** The machine's description of a fault. */
struct code_fault {
    uint64_t pc, fp, sp;
    uint64_t
        caller; /* return address of the code at pc, if it has no frame of its own; 0: not known */
    uint64_t address; /* the address accessed; valid for memory faults */
    bool is_memory;   /* an access fault */
    /* The instruction at pc is not at fault: an interrupt came when too little stack was left. */
    bool is_interrupt;
};

/** How to continue: jit_leave(entry, outcome). */
struct code_resume {
    struct jit_entry *entry;
    uint64_t outcome; /* enum code_outcome */
};

/**
 * @brief Decide whether the code may cause this fault. If so, its execution ends, and m->trace says
 * where.
 * @return true: continue as *out says; after an interrupt without stack, with IR_TRAP_STACK. false:
 * pc is not in the code, or no row explains the fault.
 * @context{fault handler of the thread that runs in the map}
 */
bool code_map_fault(struct code_map *m, const struct code_fault *fault, struct code_resume *out);

/**
 * @brief End code that was interrupted at any instruction, if m->stop is set. For the commands on
 * the host, in a signal's handler; the kernel ends threads of a program in check_cancel()
 * (kernel/program).
 * @return false: it is not set, or pc is not in the map's code. A host function checks the flag
 * when it returns; a helper that is no loop does not, so try again at the next interrupt.
 * @context{as above, or an interrupt of that thread}
 */
bool code_map_interrupt(struct code_map *m, uint64_t pc, struct code_resume *out);

/**
 * @brief End the execution that called this. m->trace says where. @param outcome  Not
 * CODE_RETURNED.
 * @context{function called by code of the map, which holds nothing}
 */
_Noreturn void code_map_leave(struct code_map *m, uint64_t outcome);

/**
 * @brief Continue at the landing of the innermost invoke, of the frames that this entry has; if
 * there is none, end the execution with CODE_THROWN. m->trace lists the frames that are left.
 * @param goes_on  They are added to those that are listed there.
 * @context{function called by code of the map, which holds nothing}
 */
_Noreturn void code_map_throw(struct code_map *m, bool goes_on);
