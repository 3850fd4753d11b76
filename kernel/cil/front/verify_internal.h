// SPDX-License-Identifier: MIT
//
// Shared by the parts of the verifier.
#pragma once

#include "kernel/cil/front/domain_internal.h"
#include "kernel/cil/front/verify.h"

/** What is on the evaluation stack (I.12.1, III.1.1). */
enum entry_kind {
    ENTRY_I4,
    ENTRY_I8,
    ENTRY_I,     /* native integer */
    ENTRY_F,     /* float of either size */
    ENTRY_REF,   /* object; `type` NULL: null. A value type, or a type parameter: boxed */
    ENTRY_BYREF, /* managed pointer to `type` */
    ENTRY_VALUE, /* of a value type, or of the type of a type parameter */
    ENTRY_PTR,   /* unmanaged pointer */
    ENTRY_FTN,   /* address of `method` */
};

#define ENTRY_READONLY 0x01 /* BYREF: nothing may be stored through it */
#define ENTRY_THIS     0x02 /* the method's own object */
#define ENTRY_UNINIT   0x04 /* and its base constructor has not run */
#define ENTRY_LOCAL    0x08 /* BYREF: may lead into this method's frame */

struct entry {
    uint8_t kind, flags;
    struct cil_type *type;
    const struct cil_callee *method;
};

/** The stack at an offset that control reaches from several places. */
struct state {
    uint32_t depth;
    bool is_queued, has_this; /* has_this: the base constructor has run */
    struct entry entries[];
};

struct verifier {
    struct cil_domain *d;
    struct cil_assembly *a;
    struct arena *arena;
    struct cil_body body;
    const struct cil_callee *method;
    struct cil_class *c; /* that has the method */
    uint32_t arg_count;  /* `this` included */
    bool changes_this;   /* an instruction stores to argument 0, or takes its address */
    bool needs_this;     /* a constructor that has to call another one */
    bool has_this;       /* it did, on this path */
    bool is_over;        /* control does not reach the next instruction */
    uint32_t at;         /* the instruction, or its first prefix */
    struct entry *stack;
    uint32_t depth;
    struct state **states; /* by offset; NULL: not reached yet, or from one place */
    uint32_t *queue;       /* offsets whose state has changed */
    uint32_t queued;
    uint64_t steps; /* instructions that may still be visited */
    /* Prefixes of the instruction. */
    struct cil_type *constrained;
    bool is_tail, is_readonly;
};

/* Both return false, with the failure recorded; reject() returns true in a trusted assembly. */
bool cil_verify_invalid(struct verifier *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool cil_verify_reject(struct verifier *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

bool cil_verify_push(struct verifier *v, struct entry e);
bool cil_verify_push_kind(struct verifier *v, unsigned kind);
/** @brief Push a value as a variable of this type holds it. */
bool cil_verify_push_type(struct verifier *v, struct cil_type *t);
bool cil_verify_push_ref(struct verifier *v, struct cil_type *t);
bool cil_verify_pop(struct verifier *v, struct entry *out);
/** @brief Pop an I4 or a native integer. */
bool cil_verify_pop_integer(struct verifier *v);
/** @brief Pop an object. */
bool cil_verify_pop_ref(struct verifier *v, struct entry *out);
/** @brief Pop a value that fits a variable of this type. */
bool cil_verify_pop_type(struct verifier *v, struct cil_type *t);
/** @brief Pop an address of a variable of this type. */
bool cil_verify_pop_address(struct verifier *v, struct cil_type *t, bool is_written,
                            struct entry *out);

/** @brief How a value of a type is on the stack. @return false: recorded. */
bool cil_verify_entry(struct verifier *v, struct cil_type *t, struct entry *out);
/** @brief True if the entry fits a variable of the type. */
bool cil_verify_fits(struct verifier *v, struct entry e, struct cil_type *t);
/** @brief cil_is_subtype() with the constraints of the method's type parameters. */
bool cil_verify_is_subtype(struct verifier *v, struct cil_type *from, struct cil_type *to);
/** @brief The type of an object that box makes. */
struct cil_type *cil_verify_boxed(struct cil_type *t);
/** @brief A type by the token of an instruction; it must be one of values. @return NULL: recorded.
 */
struct cil_type *cil_verify_type(struct verifier *v, const struct cil_instruction *i);
/** @brief A class of the core library. @return NULL: recorded. */
struct cil_type *cil_verify_core_type(struct verifier *v, const char *name);

/** @brief Control may go to an offset with the stack as it is. */
bool cil_verify_flow(struct verifier *v, uint32_t target);

/** How an instruction changes the stack. @param arg What distinguishes it from its relatives. */
typedef bool (*cil_verify_step)(struct verifier *v, const struct cil_instruction *i, unsigned arg);

struct cil_verify_rule {
    cil_verify_step step;
    uint16_t arg;
};

/** By opcode; several tables, each with a part of the instructions. */
extern const struct cil_verify_rule cil_verify_values[CIL_OPCODES], cil_verify_objects[CIL_OPCODES],
    cil_verify_control[CIL_OPCODES];

/** @brief The name of an entry's kind, for errors. */
const char *cil_verify_entry_name(const struct entry *e);
