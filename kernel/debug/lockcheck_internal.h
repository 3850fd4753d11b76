// SPDX-License-Identifier: MIT
//
// What the lock checker's files share: lockcheck.c knows what is held, lockcheck_graph.c what was
// ever taken under what, lockcheck_report.c says it.
#pragma once

#include "kernel/debug/lockcheck.h"

#include <stdatomic.h>

#define LOCK_CLASSES    256u /* class 0: not known */
#define LOCK_NAME_MAX   40u
#define LOCK_CHAIN_LONG 8u /* frames of where a lock is taken that made a report or a new order */
#define LOCK_PATH_MAX   6u

/** What is known of a class: bits of lock_class.seen. */
enum {
    LOCK_IN_IRQ = 1 << 0,       /* taken in an interrupt */
    LOCK_WITH_IRQS = 1 << 1,    /* taken with interrupts on */
    LOCK_IRQ_CHAIN = 1 << 2,    /* where is in irq_chain */
    LOCK_ON_CHAIN = 1 << 3,     /* where is in on_chain */
    LOCK_ASCENDING = 1 << 4,    /* two of the class were held at a time, the higher taken last */
    LOCK_DESCENDING = 1 << 5,   /* the lower taken last */
    LOCK_SAID_IRQ = 1 << 6,     /* reported */
    LOCK_SAID_UNNAMED = 1 << 7, /* reported */
};

/* Written once, by who finds `state` 0; then only `seen` changes, and each chain is written by who
 * sets its bit in `seen` last (release, pairs with the acquire of who prints it). */
struct lock_class {
    _Atomic uint32_t state; /* 0: free, 1: being written, 2: a class */
    _Atomic uint32_t seen;  /* bits that two CPUs compare are seq_cst: one of them sees both */
    bool is_mutex;
    char name[LOCK_NAME_MAX];
    uintptr_t irq_chain[LOCK_CHAIN_LONG], on_chain[LOCK_CHAIN_LONG];
};
extern struct lock_class lock_classes[LOCK_CLASSES];

/** Where a lock was first taken under another one. Written once, as a class is: release when it is
 * complete, acquire by who looks. */
struct lock_edge {
    _Atomic uint32_t state; /* as a class's */
    uint32_t key;
    uintptr_t outer[LOCK_CHAIN], inner[LOCK_CHAIN_LONG];
};

/** Way from one class to another: each was taken under the one before it. */
struct lock_path {
    uint8_t count;
    uint8_t class[LOCK_PATH_MAX];
};

/** @brief The class of that name; it is added. @return 0: no room. */
uint8_t lock_class_find(const char *name, bool is_mutex);

/** @brief `inner` is about to be taken while `outer` is held. Reports what follows from that. */
void lock_graph_add(const struct lock_held *outer, const struct lock_held *inner);

/** @brief A lock of the class is taken: in an interrupt, or not; with interrupts on, or masked. */
void lock_graph_use(uint8_t class, bool in_irq, bool irqs_on);

/** @brief Where `inner` was first taken under `outer`, or NULL. `descending`: of two in one class,
 * the one with the lower address was `inner`. */
const struct lock_edge *lock_graph_edge(uint8_t outer, uint8_t inner, bool descending);

/** @brief Return addresses from the caller's up, 0 behind the last. */
void lock_chain(uintptr_t *out, unsigned max);

/* Acquire and release: whoever has changed `state` owns the rest until it changes it again. */
struct lock_report {
    _Atomic uint32_t state; /* as a class's; 3: being printed */
    enum lock_fault kind;
    uint8_t outer, inner; /* classes; 0: none */
    bool descending;      /* LOCK_ORDER in one class: this time, the lower was taken last */
    struct lock_path path;
    const char *what, *why; /* static */
    cpu_t cpu;
    uint32_t thread; /* 0: before threads */
    uintptr_t outer_chain[LOCK_CHAIN], chain[LOCK_CHAIN_LONG];
};

/** @brief Keep a copy, to be logged when it can be, with the caller's place. */
void lock_report(const struct lock_report *r);

/** @brief Log what is kept. @pre this CPU holds no spinlock, and checks nothing meanwhile */
void lock_report_print(void);
bool lock_report_is_due(void);
