// SPDX-License-Identifier: MIT
//
// The heap of a program, and its collector: precise, moving, one for each program. Objects slide to
// the start of the heap and keep their order. Only what runs in the program can be wrong about it:
// the collector trusts nothing in the window, and ends a program whose heap is damaged.
#pragma once

#include "kernel/cil/front/build.h"
#include "kernel/lib/status.h"
#include "kernel/wasi/wasi.h"

#include <stdbool.h>
#include <stdint.h>

struct cil_runtime;
struct cil_world;
struct budget;

/** What finds mistakes of compilers and collectors. */
enum cil_gc_check {
    CIL_GC_STRESS = 1, /**< collect at every allocation */
    CIL_GC_MOVE = 2,   /**< move every object at each collection */
    CIL_GC_POISON = 4, /**< fill memory that objects have left */
    CIL_GC_VERIFY = 8, /**< examine each reference after a collection */
    CIL_GC_ALL = 15,
};

/** What objects of a type contain. */
struct cil_gc_type {
    uint32_t bytes; /* of an object, or of an element of an array */
    uint32_t start; /* of arrays: offset of the first element */
    uint8_t shape;  /* enum cil_shape */
    uint32_t ref_base, ref_count;
    const uint32_t *refs; /* offsets in the object or element, after ref_base */
};

/** Why a collection runs. */
enum cil_gc_cause {
    CIL_GC_DUE,   /**< 4 MiB have been allocated since the last one */
    CIL_GC_SHORT, /**< there is no memory for an object */
    CIL_GC_ASKED, /**< the program calls GC.Collect */
    CIL_GC_CAUSES
};

/** For people and tests. */
struct cil_gc_figures {
    uint64_t collections, pause_ns, longest_ns;
    uint32_t causes[CIL_GC_CAUSES]; /* collections by cause */
    uint64_t allocated;             /* bytes, by the end of the last collection */
    uint32_t end;                   /* of the objects that the last collection left */
    uint64_t minor;                 /* collections of young objects only */
    uint64_t survived, moved;       /* bytes, of all collections; of minor ones: young bytes */
    uint64_t visited;               /* references in objects, of all collections */
    uint32_t live;                  /* bytes, after the last one */
};

/** What the collector does with a reference of the program outside of its objects (slots.c). The
 * first four are the numbers of GCHandleType. */
enum cil_slot_kind {
    CIL_SLOT_WEAK,     /**< becomes null when nothing else leads to the object */
    CIL_SLOT_TRACKING, /**< ... and no finalizer that is to run either */
    CIL_SLOT_NORMAL,   /**< keeps the object */
    CIL_SLOT_PINNED,   /**< keeps it where it is */
    CIL_SLOT_FINAL,    /**< it has a finalizer; becomes READY when nothing leads to it */
    CIL_SLOT_READY,    /**< keeps it until its finalizer runs */
    CIL_SLOT_FREE,
};

struct cil_slot {
    uint32_t object;
    uint32_t owner; /* the slot is free when this object has died; 0: none */
    uint8_t kind;   /* enum cil_slot_kind */
};

/** An object in the part of the window for large ones, or the stack of a thread (large.c). */
struct cil_large_object {
    uint32_t at, bytes; /* multiples of CIL_LARGE_UNIT */
    uint32_t to;        /* after the sweep: where it is going to be */
    bool is_live;       /* during a collection: something leads to it */
    bool is_pinned;     /* likewise: it must not move */
    bool is_old;        /* it has survived a collection */
    bool is_stack;
};

struct cil_large {
    struct wasi_memory_part part; /* of the window; CIL_LARGE_CLOSED: there are none yet */
    struct cil_large_object *all; /* by address */
    uint32_t count, capacity;
    uint32_t hint;    /* the search for room begins in front of the object with this number */
    uint64_t used_to; /* memory from here on is zero */
    uint64_t fresh;   /* bytes that were allocated since the last collection */
    uint64_t used;    /* bytes of all objects, garbage included */
    uint64_t old;     /* bytes of those that are old */
};

struct cil_heap {
    uint32_t start;    /* of the window: after all stacks */
    uint32_t bottom;   /* of the first object */
    uint32_t next;     /* the end of all parts that threads have */
    uint32_t full;     /* an object that ends after this needs a collection, or memory */
    uint64_t limit;    /* end of the memory that the tables are for */
    uint32_t cards;    /* of the window: the card table */
    uint32_t old;      /* objects below have survived two collections, or one of all objects */
    uint32_t aged;     /* objects below have survived one, at least */
    uint64_t old_most; /* bytes of old objects from which on a collection is of all */
    uint32_t from;     /* of this collection: objects below stay, and count as live */
    uint32_t next_old; /* `old` after this collection */
    unsigned checks;   /* enum cil_gc_check */
    struct cil_large large;
    struct cil_slot *slots;
    uint32_t slot_count, slot_capacity;
    uint32_t free_slot;  /* number of the first one + 1; or 0 */
    uint32_t ready_from; /* no slot before is READY */
    /* Static: what types contain, found by the address of their description. */
    struct cil_gc_type *types;
    uint32_t *type_at; /* (address - CIL_DATA_START) / 8: index in types + 1 */
    uint32_t types_end;
    /* By blocks of 512 bytes, from start. */
    uint64_t *live;  /* a bit for each 8 bytes */
    uint32_t *place; /* where the block's first live byte goes */
    uint8_t *starts; /* the first object that starts there, in 8 bytes; or how far back one may */
    uint64_t block_count;
    uint32_t starts_end;  /* `starts` is filled for objects below */
    uint32_t starts_last; /* the block in which the last of these starts; UINT32_MAX: none */
    uint32_t kept_end, kept_last; /* the two, without the objects that this collection moves */
    uint32_t waiting;  /* a list of objects whose references are to be followed; 0: none */
    uint64_t searched; /* blocks looked at for the starts of objects: for tests */
    uint32_t pinned;   /* objects below stay where they are */
    uint32_t slide;    /* objects go this much higher than the heap's start */
    struct cil_gc_figures figures;
    uint64_t (*now_ns)(void); /* or NULL */
};

/** @brief The tables of a heap from `start` to the end of the window, as far as it is committed.
 * @return false: no memory; cil_heap_free() is still needed. @context{thread, may sleep} */
bool cil_heap_make(struct cil_runtime *r, uint32_t start);
void cil_heap_free(struct cil_runtime *r);

/** @brief Which checks to make from now on. @param checks enum cil_gc_check. */
void cil_heap_check(struct cil_runtime *r, unsigned checks);

/** @brief Bytes for an object, zeroed. May collect. Ends the program if there is no room.
 * @param type What the caller is going to store as its type. @return their address. */
uint32_t cil_heap_allocate(struct cil_runtime *r, uint32_t type, uint64_t bytes);

/** @brief Memory for so many bytes more than are in use, without a collection. @return OK;
 * E_NOMEM; E_CANCELLED: the program is ending. */
enum status cil_heap_reserve(struct cil_runtime *r, uint64_t bytes);

/** @brief Collect garbage now. If r->world->stop is set meanwhile, the program ends in it.
 * @param is_minor Only young objects: those that no collection has seen yet. */
void cil_collect(struct cil_runtime *r, enum cil_gc_cause cause, bool is_minor);
/** @brief The same. @pre cil_stop_others() */
void cil_collect_stopped(struct cil_runtime *r, enum cil_gc_cause cause, bool is_minor);

/** @brief After C has stored references into cells of the window: as build_note_store() for code.
 * @pre The bytes are inside of the window. */
void cil_note_stores(struct cil_runtime *r, uint64_t at, uint64_t bytes);

/** @brief End the program if it is to end. C code is not interrupted, so each loop whose length the
 * program decides calls this. @param steps The work since the last call; a step is about as long as
 * following a reference or moving a KiB. */
void cil_poll(struct cil_runtime *r, uint64_t steps);

/** @brief Keep an object while C allocates or is away. At most CIL_HELD_MAX in all callers
 * together. @return where it is, up to date. It is in the thread's struct and not on its stack,
 * because another thread may collect when this one has been killed. */
const uint32_t *cil_hold(struct cil_runtime *r, uint32_t object);
/** @brief The last one is not needed any longer. @return it. */
uint32_t cil_drop(struct cil_runtime *r);

/** @brief Bytes of the heap that are in use, garbage included. */
uint32_t cil_heap_used(struct cil_runtime *r);

/* ---- Threads (threads.c). All of it does nothing if the program has one thread only ---- */

/** @brief The lock of what threads share. Ends the program if it is to end. */
void cil_lock(struct cil_runtime *r);
void cil_unlock(struct cil_runtime *r);

/** @brief Around everything that may wait: between these two the thread touches no object, and
 * others may collect, which moves all objects that are not pinned. */
void cil_away(struct cil_runtime *r);
void cil_back(struct cil_runtime *r);

/** @brief With the lock: wait until all other threads are at a safe point, where they stay; then
 * let them go on. @return another thread has collected meanwhile. */
bool cil_stop_others(struct cil_runtime *r);
void cil_resume_others(struct cil_runtime *r);

/** @brief With the lock: release it until a word, which changes with it, has
 * another value. The thread is away meanwhile. @param ns Negative: without a limit. */
void cil_wait_locked(struct cil_runtime *r, const uint32_t *word, int64_t ns);

/** @brief Whether a thread is to run an initialiser. Waits while another thread does, unless that
 * one waits for this. */
bool cil_initialiser_begin(struct cil_runtime *r, uint32_t flag);
void cil_initialiser_done(struct cil_runtime *r, uint32_t flag, uint32_t value);

/* ---- Between heap.c, slots.c, collect.c and threads.c ---- */

/** A gap between objects has this instead of a type, then its bytes. */
#define CIL_GAP 8u

/** @brief The thread returns the rest of its part of the heap. With the lock, by the thread, or
 * while it is stopped. Ends the program if its context says nonsense. */
void cil_heap_return(struct cil_runtime *r, struct cil_runtime *of);
/** @return false: its context says nonsense. */
bool cil_heap_try_return(struct cil_runtime *of);

void cil_slot_release(struct cil_heap *h, struct cil_slot *s);

/* ---- Between heap.c, collect.c and large.c ---- */

#define CIL_LARGE_BYTES  (UINT32_C(32) << 10) /* objects without references from this size on */
#define CIL_LARGE_UNIT   UINT64_C(4096)
#define CIL_LARGE_CLOSED UINT64_MAX

/** @brief From now on large objects lie apart. Before that none does: code that ends the program
 * must be able to run, and the interpreter knows one part of the window only. @context{thread} */
void cil_large_open(struct cil_runtime *r);

/** @brief With the lock: room for an object, zeroed. @return 0: no memory. Ends a program that is
 * to end. */
uint32_t cil_large_place(struct cil_runtime *r, uint64_t bytes);

/** @brief With the lock: room for a thread's stack, which stays where it is. Not zeroed. May
 * collect. @return 0: no memory. Ends a program that is to end. */
uint32_t cil_stack_place(struct cil_runtime *r, uint64_t bytes);
/** @brief With the lock: its thread has ended. The room is used for another one, or freed by a
 * collection of all objects. */
void cil_stack_remove(struct cil_world *w, uint32_t at);
/** @brief With the lock: collect all objects because memory is short. */
void cil_collect_short(struct cil_runtime *r);

/** @brief Whether an address may be one of a large object. */
static inline bool cil_is_large(const struct cil_heap *h, uint64_t address)
{
    return address >= h->large.part.start;
}

/** @brief In a collection: a reference leads to an address. @param kind enum cil_root_kind.
 * Ends the program if there is no object, or one with references. */
void cil_large_mark(struct cil_runtime *r, uint32_t address, unsigned kind);
/** @brief After marking: the object at an address is garbage. */
bool cil_large_is_dead(const struct cil_heap *h, uint32_t address);
bool cil_large_starts_at(const struct cil_heap *h, uint32_t address);
/** @brief After marking: forget the dead ones. @param moves The others close up, in this collection
 * of all objects. */
void cil_large_sweep(struct cil_runtime *r, bool moves);
/** @brief After the sweep: the place to which an address is going to move. */
uint32_t cil_large_place_of(const struct cil_heap *h, uint32_t address);
/** @brief After all references have changed: move. */
void cil_large_move(struct cil_runtime *r);
/** @brief After a collection of all objects: decommit what follows the last one. */
void cil_large_shrink(struct cil_runtime *r);

/** @brief Copy bytes to lower addresses, also over themselves. May end the program. */
void cil_copy_down(struct cil_runtime *r, uint32_t to, uint32_t from, uint32_t bytes);

/* ---- Between collect.c and cards.c ---- */

#define CIL_BLOCK_SHIFT 9u /* blocks of the tables; cards are as large, but start at 0 */
#define CIL_GRAIN_SHIFT 3u /* objects are multiples of 8 bytes */

/** @brief The object that an address leads into. @pre It is in the heap. @param next The end of all
 * objects. */
uint32_t cil_start_of(struct cil_runtime *r, uint32_t address, uint32_t next);
/** @brief Objects from an address on move: forget where they start. */
void cil_starts_forget(struct cil_heap *h, bool is_minor);

/** @brief The next part of the old objects that may have been written since the last collection.
 * @param at From where on; then where the part begins. @return its end; 0: there is none. */
uint32_t cil_cards_next(struct cil_runtime *r, uint32_t *at);
/** @brief Clean the cards of a part of the window, the ends included. */
void cil_cards_clean(struct cil_runtime *r, uint32_t at, uint32_t end);
bool cil_card_is_dirty(const struct cil_runtime *r, uint32_t at);

/** @brief Bytes of the object at an address. Ends the program if there is none.
 * @param next The end of all objects. */
uint32_t cil_heap_size(struct cil_runtime *r, uint32_t object, uint32_t next,
                       const struct cil_gc_type **type);
