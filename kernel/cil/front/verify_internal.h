// SPDX-License-Identifier: MIT
//
// Shared by the parts of the verifier.
#pragma once

#include "kernel/cil/front/domain_internal.h"
#include "kernel/cil/front/member.h"
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
#define ENTRY_LOCAL    0x08 /* BYREF, ref struct: may lead into this method's frame */
#define ENTRY_VIRTUAL  0x20 /* FTN: of ldvirtftn, which has chosen the method by an object */
#define ENTRY_OWN      0x10 /* BYREF: of a variable of this method, or of a part of one */

struct entry {
    uint8_t kind, flags;
    struct cil_type *type;
    const struct cil_callee *method;
};

/** The stack at an offset that control reaches from several places. */
struct state {
    uint32_t depth;
    bool is_queued, has_this; /* has_this: the base constructor has run */
    uint8_t *kept;            /* as in struct verifier */
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
    /* Offsets after the last dup, and after the last ldvirtftn that followed a dup. */
    uint32_t after_dup, after_virtual;
    struct entry *stack;
    uint32_t depth;
    struct state **states; /* by offset; NULL: not reached yet, or from one place */
    uint32_t *queue;       /* offsets whose state has changed */
    uint32_t queued;
    uint64_t steps; /* instructions that may still be visited */
    /* Variables that may keep addresses: arguments, then local variables. */
    uint32_t *slots; /* by variable: its index in kept[]; ESCAPE_NONE */
    uint8_t *kept;   /* by slot: ENTRY_LOCAL if it may lead into this method's frame */
    uint8_t *always; /* the same, on every path */
    uint32_t kept_count;
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

/** @brief How a value of a type is on the stack. @return false: an error is recorded. */
bool cil_verify_entry(struct verifier *v, struct cil_type *t, struct entry *out);
/** @brief True if the entry fits a variable of the type. */
bool cil_verify_fits(struct verifier *v, struct entry e, struct cil_type *t);
/** @brief cil_is_subtype() with the constraints of the method's type parameters. */
bool cil_verify_is_subtype(struct verifier *v, struct cil_type *from, struct cil_type *to);
/** @brief The type of an object that box makes. */
struct cil_type *cil_verify_boxed(struct cil_type *t);
/** @brief A type by the token of an instruction; it must be one of values. @return NULL: an error
 * is recorded. */
struct cil_type *cil_verify_type(struct verifier *v, const struct cil_instruction *i);
/** @brief A class of the core library. @return NULL: an error is recorded. */
struct cil_type *cil_verify_core_type(struct verifier *v, const char *name);

/** @brief The state at an offset has changed: visit it again. */
void cil_verify_enqueue(struct verifier *v, uint32_t target);
/** @brief Control may go to an offset with the stack as it is. */
bool cil_verify_flow(struct verifier *v, uint32_t target);

/* What may be returned, and what may be kept: verify_escape.c. */

#define ESCAPE_NONE   UINT32_MAX /* a variable that keeps no addresses */
#define ESCAPE_SHARED 0u         /* the slot of all ref structs whose address is used */

/** What a call receives. */
struct cil_verify_passed {
    bool has_local;     /* an address that may lead into this frame */
    bool returns_local; /* one that it may return */
    bool lends_local;   /* one that a ref struct which it returns may contain */
    bool holds_local;   /* a ref struct that may contain one */
    bool writes_shared; /* the address of a ref struct of this method */
    bool writes_other;  /* ... and of one that may be another method's */
};

/** @brief Find the variables that may keep addresses. @return false: no memory (recorded). */
bool cil_verify_find_slots(struct verifier *v);
/** @brief The flags of what a variable contains. */
uint8_t cil_verify_kept(const struct verifier *v, uint32_t variable);
/** @brief An entry is stored to a variable. */
void cil_verify_keep(struct verifier *v, uint32_t variable, const struct entry *e);
/** @brief True if the entry, or a field of it, may be an address in this method's frame. */
bool cil_verify_leads(const struct entry *e);
/** @brief The flags of a value that is loaded from an address, or is part of a value. */
uint8_t cil_verify_loaded(const struct verifier *v, const struct entry *from,
                          const struct cil_type *t);
/** @brief Push a value that is loaded from an address, or is part of a value. */
bool cil_verify_push_loaded(struct verifier *v, struct cil_type *t, const struct entry *from);
/** @brief An entry is stored through an address. @return false: an error is recorded. */
bool cil_verify_store_through(struct verifier *v, const struct entry *to, const struct entry *e);
/** @brief An entry is an argument. @param is_this And what the method is called on. */
void cil_verify_pass(const struct verifier *v, const struct entry *e, bool is_this,
                     struct cil_verify_passed *p);
/** @brief A method that a ref struct inherits needs a box of it. @return false: an error is
 * recorded. */
bool cil_verify_not_boxed(struct verifier *v, const struct cil_type *t, const struct cil_callee *c);
/** @brief A method may store an argument through another one, which is an address. @return false:
 * an error is recorded. */
bool cil_verify_kept_by_call(struct verifier *v, const struct cil_verify_passed *p);
/** @brief The flags of what a call returns. */
uint8_t cil_verify_returned(const struct entry *e, const struct cil_verify_passed *p);

/* Access: verify_access.c. Each returns false if it is recorded. */

/** @brief The method names a type. */
bool cil_verify_names_type(struct verifier *v, const struct cil_type *t);
bool cil_verify_names_method(struct verifier *v, uint32_t token, const struct cil_callee *c);
bool cil_verify_names_field(struct verifier *v, uint32_t token, const struct cil_member_field *f);
/** @brief The method uses a member of an object. @param object Its type; NULL: null. */
bool cil_verify_may_use(struct verifier *v, const struct cil_type *owner, unsigned flags,
                        const char *name, struct cil_type *object);

/* Constraints of type parameters: verify_generics.c. Each returns false if it is recorded. */

/** @brief Do all type arguments in a type meet the constraints? */
bool cil_verify_arguments(struct verifier *v, struct cil_type *t);
bool cil_verify_method_arguments(struct verifier *v, const struct cil_callee *c);
/** @brief And those in the method's signature and variables, and in its class's declaration? */
bool cil_verify_signatures(struct verifier *v);

/** @brief The entry on top of the stack. @return Of kind ENTRY_I4: the stack is empty. */
struct entry cil_verify_top(const struct verifier *v);

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
