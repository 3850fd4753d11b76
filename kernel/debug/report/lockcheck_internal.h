// SPDX-License-Identifier: MIT
//
// Shared by the lock checker's files: lockcheck.c records the held locks, lockcheck_graph.c the
// orders, lockcheck_report.c prints reports.
#pragma once

#include "kernel/debug/report/lockcheck.h"

#include <stdatomic.h>

#define LOCK_CLASSES    256u /* class 0: unknown */
#define LOCK_NAME_MAX   40u
#define LOCK_CHAIN_LONG 8u /* frames stored for a report or a new order */
#define LOCK_PATH_MAX   6u

/** Properties of a class: bits of lock_class.seen. */
enum {
    LOCK_IN_IRQ = 1 << 0,    /* taken in an interrupt */
    LOCK_WITH_IRQS = 1 << 1, /* taken with interrupts enabled */
    LOCK_IRQ_CHAIN = 1 << 2, /* irq_chain is valid */
    LOCK_ON_CHAIN = 1 << 3,  /* on_chain is valid */
    /* two of the class were held together, the higher address taken last */
    LOCK_ASCENDING = 1 << 4,
    LOCK_DESCENDING = 1 << 5,   /* the same, the lower address taken last */
    LOCK_SAID_IRQ = 1 << 6,     /* reported */
    LOCK_SAID_UNNAMED = 1 << 7, /* reported */
};

/* Written once by the CPU that claims `state`; afterwards only `seen` changes. Each chain is
 * written by the CPU that sets its bit in `seen` last (release, pairs with the acquire of the CPU
 * that prints it). */
struct lock_class {
    _Atomic uint32_t state; /* 0: free, 1: being written, 2: valid */
    _Atomic uint32_t seen;  /* bits that two CPUs compare are seq_cst: at least one CPU sees both */
    bool is_mutex;
    char name[LOCK_NAME_MAX];
    uintptr_t irq_chain[LOCK_CHAIN_LONG], on_chain[LOCK_CHAIN_LONG];
};
extern struct lock_class lock_classes[LOCK_CLASSES];

/** Where a lock was first taken while another was held. Written once, like a class: release when
 * complete, acquire to read. */
struct lock_edge {
    _Atomic uint32_t state; /* as in struct lock_class */
    uint32_t key;
    uintptr_t outer[LOCK_CHAIN], inner[LOCK_CHAIN_LONG];
};

/** A path from one class to another: each was taken while the one before it was held. */
struct lock_path {
    uint8_t count;
    uint8_t class[LOCK_PATH_MAX];
};

/** @brief Find the class of that name, or add it. @return 0: no room. */
uint8_t lock_class_find(const char *name, bool is_mutex);

/** @brief Record that `inner` is about to be taken while `outer` is held. Reports the conflicts
 *     that follow. */
void lock_graph_add(const struct lock_held *outer, const struct lock_held *inner);

/** @brief Record that a lock of the class is taken: in an interrupt or not, with interrupts enabled
 *     or masked. */
void lock_graph_use(uint8_t class, bool in_irq, bool irqs_on);

/** @brief The place where `inner` was first taken under `outer`, or NULL. `descending`: of two
 *     locks in one class, the one with the lower address was `inner`. */
const struct lock_edge *lock_graph_edge(uint8_t outer, uint8_t inner, bool descending);

/** @brief Return addresses from the caller upwards; 0 after the last. */
void lock_chain(uintptr_t *out, unsigned max);

/* Acquire and release: the CPU that has changed `state` owns the rest until it changes it again. */
struct lock_report {
    _Atomic uint32_t state; /* as in struct lock_class; 3: being printed */
    enum lock_fault kind;
    uint8_t outer, inner; /* classes; 0: none */
    bool descending;      /* LOCK_ORDER in one class: this time the lower address was taken last */
    struct lock_path path;
    const char *what, *why; /* static */
    cpu_t cpu;
    uint32_t thread; /* 0: before threads */
    uintptr_t outer_chain[LOCK_CHAIN], chain[LOCK_CHAIN_LONG];
};

/** @brief Store a copy with the caller's call chain, to be logged later. */
void lock_report(const struct lock_report *r);

/** @brief Log the stored reports. @pre this CPU holds no spinlock and does not record meanwhile */
void lock_report_print(void);
bool lock_report_is_due(void);
