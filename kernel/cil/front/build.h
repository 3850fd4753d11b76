// SPDX-License-Identifier: MIT
//
// From CIL to the intermediate representation. A unit is a program as a whole: a method, everything
// that it may reach, and the first contents of its memory. docs/dotnet.md, "How a program is
// represented", has the decisions. Other code is refused by name.
#pragma once

#include "kernel/cil/front/member.h"
#include "kernel/cil/front/verify.h"

/* ---- Memory of a program: one window, in which references are 32-bit offsets ---- */

#define CIL_GUARD_BYTES UINT64_C(0x80000000) /* after the 4 GiB that an offset reaches */

#define CIL_SMALL_BYTES 4096u /* of the largest object that compiled code allocates by itself */

/* The page at 4096 begins with a cell for the collector, then come the static data. Below
 * everything is 0, as null is. */
#define CIL_CELL_HANDLE 4096u /* i32: used by a collection only */
#define CIL_DATA_START  4112u
#define CIL_FULL_MAX    (UINT32_MAX - CIL_SMALL_BYTES) /* of `full`: no sum in code wraps */

/* The card table has a byte for each 512 bytes of the window. Code that stores a reference also
 * stores CIL_CARD_DIRTY in the card of the cell. New memory is 0, so a card that was never written
 * is dirty: that costs time only. */
#define CIL_CARD_SHIFT 9u
#define CIL_CARD_DIRTY 0u
#define CIL_CARD_CLEAN 1u
#define CIL_CARD_CLASS 5u /* of these stores, among the alias classes of build_internal.h */

/* A method's frame in the window starts with the number of the safe point that it is at. The
 * memory of stackalloc has a header, too, and its size follows. */
#define CIL_FRAME_HEADER 8u
#define CIL_FRAME_SKIP   UINT32_MAX

#define CIL_HASH_AT    4u /* of objects: 0, or the hash code */
#define CIL_LENGTH_AT  8u /* of arrays and strings: i32 */
#define CIL_CHARS_AT   12u
#define CIL_ELEMENT_AT 16u

/* What is at an object's type, 32 bits each. */
#define CIL_TYPE_BYTES   0u  /* of an object, or of an element of an array */
#define CIL_TYPE_SHAPE   4u  /* enum cil_shape */
#define CIL_TYPE_CASTS   8u  /* a byte for each type that values are cast to: 1, it is of it */
#define CIL_TYPE_TABLES  12u /* the table of methods of each interface that is called; or 0 */
#define CIL_TYPE_ELEMENT 16u /* of an array of references: number of its element among casts */
#define CIL_TYPE_START   20u /* of an array: offset of its elements */
#define CIL_TYPE_GENERIC 24u /* table of virtual methods with type arguments, by use; or 0 */
#define CIL_TYPE_OBJECT  28u /* its System.RuntimeType; 0: the program has none */
#define CIL_TYPE_METHODS 32u /* number of each virtual method, plus 1, by slot; 0: never called */

#define CIL_RANK_MAX 16u

/** After the length of an array of CIL_ARRAY come those of its dimensions, then their lower bounds,
 * if any array of the program has others than 0. */
#define CIL_DIMENSION_AT (CIL_LENGTH_AT + 4u)

/** The offset of the elements of such an array. */
static inline uint32_t cil_array_start(uint32_t rank, bool has_bounds)
{
    return (CIL_DIMENSION_AT + 4 * rank * (has_bounds ? 2 : 1) + 7) & ~7u;
}

enum cil_shape { CIL_SHAPE_OBJECT, CIL_SHAPE_ARRAY, CIL_SHAPE_STRING };

/* ---- The context of compiled code ---- */

enum cil_helper {
    CIL_HELPER_NEW,       /**< (type) an object, zeroed */
    CIL_HELPER_NEW_ARRAY, /**< (type, length) */
    CIL_HELPER_COPY,      /**< (to, from, bytes) */
    CIL_HELPER_FILL,      /**< (at, byte, bytes) */
    CIL_HELPER_REMAINDER, /**< (bits, bits) of a division of doubles */
    CIL_HELPER_THROW,     /**< (object) does not return */
    CIL_HELPER_POLL,      /**< () lets a collection of another thread run */
    CIL_HELPER_BEGIN,     /**< (flag) returns whether this thread must run a type's initialiser */
    CIL_HELPER_DONE,      /**< (flag, value) it has run, and the flag gets the value */
    CIL_HELPER_PASS,      /**< (method, offset) an exception leaves it, or is thrown there; method
                               CIL_PASS_NONE: forget those so far */
    CIL_HELPER_COUNT,
};

#define CIL_NATIVES_MAX  128u
#define CIL_PASS_NONE    UINT32_MAX
#define CIL_FIRST_METHOD (CIL_HELPER_COUNT + CIL_NATIVES_MAX) /* callee of method 0 */

/** One for each thread of the program. Compiled code writes the cells from `stack` to `target`. */
struct cil_context {
    uint64_t memory_base;   /* the calling convention requires it to be first */
    uint64_t memory_length; /* address of it */
    uint64_t methods;       /* addresses of their records: of method n at n + 1; at 0 is null */
    uint64_t method_count;
    uint32_t stack;  /* the end of the thread's stack of values whose address is taken */
    uint32_t limit;  /* it must not fall below this */
    uint32_t thrown; /* the exception that is on its way to a handler, or null */
    uint32_t next; /* the first free byte of the thread's part of the heap; what follows is zero */
    uint32_t full; /* an object that ends after this needs the runtime */
    /* The two passes of an exception, if the program has a filter (build_filter.c). */
    uint32_t chain;   /* record of the innermost method that has handlers, or 0 */
    uint64_t target;  /* record and clause of the handler; 0: there is none */
    uint32_t statics; /* where the thread's own static fields are, in the window */
    uint32_t poll;    /* not 0: the thread is to call CIL_HELPER_POLL soon. Code only reads it */
    uint32_t cards;   /* where the card table is in the window. Code only reads it */
    uint32_t padding;
    uint64_t helpers[CIL_HELPER_COUNT];
    uint64_t natives[CIL_NATIVES_MAX];
};

/** What a call of a method by its number reads of the method. */
struct cil_record {
    uint64_t code, context;
    uint32_t signature, padding;
};

/* ---- The unit ---- */

enum cil_unit_kind {
    CIL_UNIT_METHOD,
    CIL_UNIT_UNBOX, /**< of a value type, virtual: calls `target` with the place of the value */
    CIL_UNIT_INITIALISE, /**< runs the initialiser `target` of a type once */
    CIL_UNIT_RAISE,      /**< makes an exception with the constructor `target`, and throws it */
    CIL_UNIT_MULTI,      /**< Invoke of a delegate type: calls each of a list, its first argument */
    CIL_UNIT_EXAMINE,    /**< (record, exception, region + 1): clause + 1 that takes it; 0: none */
    CIL_UNIT_SEARCH,     /**< (exception): looks for its handler, and puts it on its way */
    CIL_UNIT_STATIC,     /**< static, in a delegate: calls `target` without the first argument */
    CIL_UNIT_ADAPT,      /**< (object, object[], number): calls a method with these arguments */
    CIL_UNIT_INVOKE,     /**< of a delegate, as a method: calls what the delegate is of */
    CIL_UNIT_OPEN,       /**< of an object, in a delegate: its first argument is the object */
    CIL_UNIT_DISPATCH,   /**< virtual: goes on in the method of the object's type; Invoke of a
                              delegate: in that with the number, its last argument */
    CIL_UNIT_NUMBER,     /**< of a delegate: calls the method with the number */
    CIL_UNIT_NULL,       /**< virtual, of null: throws a NullReferenceException */
    CIL_UNIT_ATTRIBUTE,  /**< (object): makes attribute `target`; the object is ignored */
};

/** A method of a unit. Its callee has the number CIL_FIRST_METHOD higher. */
struct cil_unit_method {
    struct cil_assembly *a;
    uint32_t row;
    struct cil_type *owner;
    struct cil_type *const *args; /* of a generic method */
    uint32_t arg_count;
    const struct cil_signature *sig;
    uint8_t kind; /* enum cil_unit_kind */
    uint32_t target;
    uint32_t code_bytes; /* of its CIL */
    uint32_t member;     /* of traces: its number among members, plus 1; or 0 */
    struct ir_function *function;
};

/** Where references are: an offset, and what they are. */
enum cil_root_kind {
    CIL_ROOT_OBJECT, /**< an object, or null */
    CIL_ROOT_INNER,  /**< an address that may lead into one */
    CIL_ROOT_PINNED, /**< likewise; the object must not move */
};

struct cil_root {
    uint32_t at;
    uint8_t kind; /* enum cil_root_kind */
};

struct cil_roots {
    struct cil_root *all;
    uint32_t count, capacity;
};

/** A method's frame in the window: its size, and the references in variables and structs. */
struct cil_unit_frame {
    uint32_t method;
    uint32_t bytes, first, count; /* among the unit's roots, from the frame's start */
};

/** A call at which a collection may happen: the references that live across it. */
struct cil_unit_point {
    uint32_t frame, first, count; /* likewise */
    uint32_t location;            /* in a program with traces: offset of the instruction */
};

struct cil_vtable;

/** A type that the program needs at run time. */
struct cil_unit_type {
    struct cil_type *type;
    struct cil_vtable *vtable; /* NULL: an interface */
    uint32_t at;               /* of its description; 0: no object of it is ever made */
    uint32_t object;           /* its System.RuntimeType; or 0 */
    uint32_t statics, flag;    /* of its static fields, and whether it is initialised; or 0 */
    bool is_laid_out;          /* static fields have places */
    const uint32_t *static_at; /* by field */
    uint32_t reached, reached_generics; /* how many of the unit's uses have added its methods */
    /* What objects of System.Type lead to (unit_related.c). */
    uint16_t related;          /* enum cil_need: rules that have been applied */
    bool is_named, is_derived; /* typeof names it; an array that only such a rule has made */
    /* The program names it; a type that it names inherits from it; its members are objects
     * (unit_member.c). */
    bool is_shown, is_base, is_listed;
    const uint32_t *members; /* their numbers; NULL: they have not been listed */
    uint32_t member_count, first_attribute, attribute_count;
    uint32_t multi; /* of delegates: number of the method that calls lists of them, plus 1; or 0 */
    /* Of delegates: the method that was the first one to be made a delegate of this type, plus 1;
     * and the bit that delegates of it have. */
    uint32_t first, mark;
    bool has_attributes; /* they have been listed */
    bool has_finalizer;
    uint32_t base;        /* the object of its parent; or 0 */
    uint32_t box, array;  /* of elements, and of its values: number among types, plus 1; or 0 */
    uint32_t constructor; /* number of the method plus 1; UINT32_MAX: all zero; 0: none */
    uint32_t casts;       /* as CIL_TYPE_CASTS, also if it has no description */
};

/** What a program asks of its types at run time, so that the types have to exist. */
enum cil_need {
    CIL_NEEDS_BOXES = 1,  /**< elements of arrays as objects */
    CIL_NEEDS_ARRAYS = 2, /**< arrays of each type */
    CIL_NEEDS_ENUM_ARRAYS = 4,
    CIL_NEEDS_RELATIVES = 8,
    CIL_NEEDS_CASTS = 16, /**< comparisons of each two types */
    CIL_NEEDS_INSTANCES = 32,
    CIL_NEEDS_CONSTRUCTORS = 64,
    CIL_NEEDS_MEMBERS = 128, /**< methods as objects */
    CIL_NEEDS_CALLS = 256,   /**< and calls of them */
    CIL_NEEDS_METHOD_INSTANCES = 512,
    CIL_NEEDS_ATTRIBUTES = 1024,
    CIL_NEEDS_DELEGATES = 2048, /**< delegates of methods that are objects */
    CIL_NEEDS_MATRICES = 4096,  /**< arrays of several dimensions, or with lower bounds */
    CIL_NEEDS_FRAMES = 8192,    /**< methods that are active as objects */
};

/** How to find the code of a method that is an object. */
enum cil_entry {
    CIL_ENTRY_NONE,      /**< the program does not contain it */
    CIL_ENTRY_DIRECT,    /**< `number` */
    CIL_ENTRY_SLOT,      /**< in the table of virtual methods of the object's type, at `at` */
    CIL_ENTRY_INTERFACE, /**< in its table of interface `number`, at `at` */
    CIL_ENTRY_GENERIC,   /**< in its table of virtual methods with type arguments, at `at` */
};

/** A method or constructor that the program can have as an object. */
struct cil_unit_member {
    struct cil_callee c;
    uint32_t definition; /* of one with type arguments: the member without, plus 1 */
    uint32_t cast;       /* number among casts of the type that `this` must be of, plus 1 */
    uint8_t entry;       /* enum cil_entry */
    uint32_t number, at; /* number: of a method plus 1 */
    uint32_t adapter;    /* number of the method that unpacks its arguments, plus 1; or 0 */
    /* Numbers plus 1, for delegates: that gets the object as an argument; that has the first
     * argument of a static method in place of the object. */
    uint32_t open, closed;
    uint32_t first_attribute, attribute_count;
    bool has_attributes; /* they have been listed */
};

/** An attribute of a type or of a member. */
struct cil_unit_attribute {
    struct cil_assembly *a;
    uint32_t row;        /* of CustomAttribute */
    struct cil_callee c; /* the constructor */
    uint32_t number;     /* of the method that makes it */
};

#define CIL_TYPE_LIST_MAX 8u

/** The types that the program names before it calls MakeGenericMethod. */
struct cil_unit_list {
    struct cil_type *types[CIL_TYPE_LIST_MAX];
    uint32_t count;
};

/** A virtual method that is called somewhere: a slot of a class, or a method of an interface. */
struct cil_unit_use {
    struct cil_type *owner;
    uint32_t slot; /* of an interface: which of its methods */
};

/** The same with type arguments. */
struct cil_unit_generic {
    struct cil_unit_use use;
    struct cil_type *const *args;
    uint32_t arg_count;
};

/** A method that code makes delegates of a type of. Of a virtual one, it is that of some object. */
struct cil_unit_delegate {
    struct cil_type *type, *owner; /* owner: of the virtual method; NULL: it is not virtual */
    uint32_t number;               /* of the method, or its slot as in cil_unit_use */
};

/** A CIL_UNIT_NUMBER or CIL_UNIT_NULL, and the signature of the calls that it is for. */
struct cil_unit_shared {
    uint32_t signature, number;
    uint8_t kind;
};

/** A type that values are cast to. */
struct cil_unit_cast {
    struct cil_type *type;
    bool is_unbox;
};

/** A static field of constant data, to which code refers by a handle. */
struct cil_unit_field {
    uint32_t at, bytes; /* where they are in the window */
};

/** A static field that each thread has for itself. */
struct cil_unit_own {
    struct cil_type *owner;
    const struct cil_field *field;
    uint32_t at; /* from their start */
};

struct cil_unit_literal {
    uint32_t at, hash;
    struct cil_bytes text;
    bool is_own; /* not only the core library has it */
};

/** A method that the runtime provides. */
struct cil_unit_native {
    char name[96];      /* "N.T::M" */
    char signature[10]; /* kernel/cil/run/runtime.h */
};

/** Finds elements of a list by a hash: their numbers, plus 1. */
struct cil_unit_index {
    uint32_t *buckets; /* the last one with the hash; NULL: none was added */
    uint32_t *next;    /* by number: the one before it with the same hash */
    uint32_t capacity;
};

#define CIL_NOTES 2u

struct cil_unit {
    struct cil_domain *d;
    struct arena *arena; /* for everything in the unit */
    struct ir_module ir;
    struct cil_unit_method *methods; /* method 0 is the one that was asked for */
    struct ir_callee *callees;
    struct ir_signature *signatures; /* the first ones are those of helpers */
    uint8_t *types;
    struct cil_unit_type *runtime_types;
    struct cil_unit_use *uses, *interfaces; /* interfaces: those that are called; no slot */
    struct cil_unit_generic *generics;
    struct cil_unit_cast *casts;
    struct cil_unit_delegate *delegates;
    struct cil_unit_shared *shared;
    struct cil_unit_literal *literals;
    struct cil_unit_field *fields; /* those with a handle */
    struct cil_unit_native *natives;
    struct cil_unit_frame *frames;
    struct cil_unit_point *points;
    struct cil_roots roots;   /* of frames and safe points */
    struct cil_roots statics; /* in static data, from the window's start */
    struct cil_roots own;     /* in the static fields of a thread, from their start */
    struct cil_unit_own *own_fields;
    struct cil_unit_member *members;
    struct cil_unit_list *lists;
    struct cil_unit_attribute *attributes;
    uint32_t *adapters; /* numbers of CIL_UNIT_ADAPT */
    uint32_t member_count, member_capacity, list_count, list_capacity, adapter_count,
        adapter_capacity, attribute_count, attribute_capacity;
    uint32_t own_count, own_capacity, own_bytes;
    uint8_t *data; /* first contents of the window */
    struct cil_unit_index method_index, type_index, generic_index, literal_index, field_index,
        member_index, adapter_index, delegate_index;
    uint32_t delegate_count, delegate_capacity, shared_count, shared_capacity;
    uint32_t count, dispatcher_count, capacity, callee_capacity, signature_count,
        signature_capacity, type_count, type_capacity, runtime_type_count, runtime_type_capacity,
        use_count, use_capacity, interface_count, interface_capacity, generic_count,
        generic_capacity, cast_count, cast_capacity, literal_count, literal_capacity, field_count,
        field_capacity, native_count, native_capacity, frame_count, frame_capacity, point_count,
        point_capacity, data_bytes, data_capacity;
    /* Some method catches exceptions. Then all methods are translated with a way for them. */
    bool has_catch, catches;
    /* Some method has a filter. Then the handler is found before any finally block runs. */
    bool has_filter, filters;
    /* Delegates are combined somewhere. Then each has the number of its CIL_UNIT_MULTI. */
    bool has_combine, combines;
    /* The program may start threads. Then methods have polls, so that each thread soon comes to a
     * safe point when another one collects. */
    bool has_threads, threads;
    /* Arrays may have lower bounds. Then all those of CIL_ARRAY have room for them. */
    bool has_bounds, bounds;
    /* The program asks which methods are active. Then each has a frame with the call in it. */
    bool has_traces, traces;
    uint8_t notes;  /* CIL_NOTES: exceptions note their way, if any is caught. 0: not known yet */
    unsigned needs; /* enum cil_need */
    uint32_t instance_count, listed_count, named_count; /* of definitions, and of methods */
    uint32_t thread_main;  /* of such a program: the method that a new thread runs */
    bool has_types;        /* each type has an object of System.RuntimeType */
    uint32_t string_array; /* type of string[], if method 0 has a parameter of it; or 0 */
    /* For tests: edges looked at for loops with several entries; adapters that were compared. */
    uint64_t loop_steps, adapter_steps;
};

/**
 * @brief Verify and translate a static method, and everything that it may reach.
 * @param out Filled in place; its memory is the arena's. Not to be moved: functions refer to it.
 * @return false: an error is recorded. E_NOTSUP: an instruction or a type that is not translated
 * yet.
 */
bool cil_unit_build(struct cil_assembly *a, uint32_t row, struct arena *arena,
                    struct cil_unit *out);

/* Handles are numbers, so that no number that a program makes up is an address: of a type its index
 * in runtime_types plus 1, of a field that in fields plus 1. */

/** @brief The type of objects whose description is at `at`. @return NULL: none. */
struct cil_type *cil_unit_type_at(const struct cil_unit *u, uint32_t at);
