// SPDX-License-Identifier: MIT
//
// Assemblies that are linked together, and their types. A domain owns all memory of the types; it
// is freed at once. Types are unique: equal types are the same pointer. Nothing is guessed: an
// unresolved type or member is an error with assembly, token and name.
//
// A domain belongs to one thread. Functions that return false or NULL have recorded why in the
// domain: the first failure counts until cil_domain_forgive().
#pragma once

#include "kernel/cil/front/index.h"
#include "kernel/cil/front/symbols.h"
#include "kernel/jit/ir.h"

#define CIL_TYPE_DEPTH_MAX    64 /* of a type made of others: an array of pointers to List<...> */
#define CIL_FORWARDS_MAX      16 /* from assembly to assembly */
#define CIL_NESTED_MAX        64 /* classes inside classes */
#define CIL_ANCESTORS_MAX     64
#define CIL_LAYOUT_DEPTH_MAX  64 /* value types inside value types, and parents */
#define CIL_VALUE_BYTES_MAX   (UINT32_C(1) << 20)
#define CIL_POINTER_BYTES     8u
#define CIL_HEADER_BYTES      8u /* the address of its type, with which each object begins */
#define CIL_PARAMETERS_MAX    4096u
#define CIL_GENERIC_COUNT_MAX 1024u

/** Kinds of types, as signatures encode them (II.23.1.16). */
enum cil_kind {
    CIL_VOID = 0x01,
    CIL_BOOLEAN,
    CIL_CHAR,
    CIL_I1,
    CIL_U1,
    CIL_I2,
    CIL_U2,
    CIL_I4,
    CIL_U4,
    CIL_I8,
    CIL_U8,
    CIL_R4,
    CIL_R8,
    CIL_STRING,
    CIL_PTR,
    CIL_BYREF,
    CIL_VALUETYPE,
    CIL_CLASS,
    CIL_VAR, /* parameter of a generic type */
    CIL_ARRAY,
    CIL_GENERICINST,
    CIL_TYPEDBYREF,
    CIL_I = 0x18,
    CIL_U,
    CIL_FNPTR = 0x1b,
    CIL_OBJECT,
    CIL_SZARRAY, /* one dimension, from 0 */
    CIL_MVAR,    /* parameter of a generic method */
    CIL_MODREQ,
    CIL_MODOPT,
    CIL_SENTINEL = 0x41,
    CIL_PINNED = 0x45,
};

struct cil_signature;
struct cil_class;
struct cil_layout;
struct cil_vtable;

struct cil_type {
    uint8_t kind;        /* enum cil_kind */
    bool is_open;        /* contains a VAR or MVAR */
    uint8_t depth;       /* 1: contains no other type */
    uint32_t number;     /* VAR, MVAR: which; ARRAY: rank; GENERICINST: arguments */
    struct cil_class *c; /* the definition; NULL: it has none (arrays, pointers ...) */
    /* PTR, BYREF, SZARRAY, ARRAY: of what; MODREQ, MODOPT: which type, its modifier is args[0] */
    struct cil_type *element;
    struct cil_type *const *args;          /* GENERICINST */
    const struct cil_signature *signature; /* FNPTR */
    struct cil_type *next;                 /* with the same hash */
    const struct cil_layout *layout;       /* once it is computed */
    struct cil_vtable *vtable;             /* likewise */
    /* Those that the definition names, once they are looked up; NULL: not yet. */
    struct cil_type **interfaces;
    uint32_t interface_count;
    bool has_interface_bits;
    uint64_t interface_bits; /* cil_may_have_interface(); valid if so */
    bool is_busy;            /* its layout is being computed */
    bool is_constrained;     /* its type arguments meet their constraints */
};

/** Calling conventions of a signature (II.23.2.3). */
#define CIL_CONVENTION_MASK    0x0f
#define CIL_CONVENTION_DEFAULT 0x00
#define CIL_CONVENTION_VARARG  0x05
#define CIL_CONVENTION_FIELD   0x06
#define CIL_CONVENTION_LOCALS  0x07
#define CIL_CONVENTION_PROP    0x08
#define CIL_CONVENTION_SPEC    0x0a
#define CIL_CONVENTION_GENERIC 0x10
#define CIL_HAS_THIS           0x20
#define CIL_EXPLICIT_THIS      0x40

struct cil_signature {
    uint8_t convention; /* with the flags above */
    uint32_t generic_count, param_count;
    uint32_t required; /* parameters before the sentinel; param_count: there is none */
    struct cil_type *result;
    const uint8_t *pinned; /* of local variables: 1, its object must not move; NULL: none */
    struct cil_type *params[];
};

struct cil_field {
    const char *name;
    uint32_t row;
    uint16_t flags;
    struct cil_class *owner;
    struct cil_type *type; /* open if the class is generic */
};

#define CIL_FIELD_STATIC  0x0010
#define CIL_FIELD_LITERAL 0x0040
#define CIL_FIELD_HAS_RVA 0x0100

struct cil_class {
    struct cil_assembly *assembly;
    const char *name, *space;
    uint32_t row, flags;
    struct cil_class *enclosing; /* NULL: not nested */
    uint32_t generic_count;      /* those of enclosing classes included */
    /* These are there after cil_class_classify(). */
    bool is_value_type, is_enum, is_interface, is_delegate;
    bool is_byref_like;    /* its values may contain managed pointers: they stay on the stack */
    struct cil_type *type; /* the definition; of a generic class not a type of values */
    struct cil_type *self; /* inside of the class: instantiated over its own parameters */
    /* This and those of all ancestors after cil_class_open(). */
    bool is_open;
    struct cil_type *parent; /* NULL: System.Object, an interface, or <Module> */
    /* And this after cil_class_fields(). */
    struct cil_field *fields;
    uint32_t field_count;
    bool is_constrained; /* the type arguments in its declaration meet their constraints */
};

#define CIL_TYPE_INTERFACE         0x20
#define CIL_TYPE_ABSTRACT          0x80
#define CIL_TYPE_SEALED            0x100
#define CIL_TYPE_BEFORE_FIELD_INIT 0x100000
#define CIL_LAYOUT_MASK            0x18
#define CIL_LAYOUT_AUTO            0x00
#define CIL_LAYOUT_SEQUENCE        0x08
#define CIL_LAYOUT_EXPLICIT        0x10

struct cil_assembly {
    struct cil_domain *domain;
    struct cil_assembly *next;
    const struct cil_index *index; /* shared with other domains, perhaps */
    struct cil_image image;        /* a copy of its image */
    const char *name;              /* likewise */
    uint16_t version[4];
    bool is_trusted;            /* may contain code that cannot be verified */
    const char *path;           /* of its file; NULL: not known, so no symbols are looked for */
    uint32_t symbols_state;     /* for lines.c; changes atomically */
    struct cil_symbols symbols; /* valid in one of these states */
    void *symbols_owner;        /* belongs to find_symbols() */
    struct cil_class *classes;  /* by row - 1; cil_class_at() */
    struct cil_assembly **references;        /* by row - 1 of AssemblyRef; NULL: not linked yet */
    struct cil_type **refs, **specs;         /* by row - 1 of TypeRef and TypeSpec; NULL: not yet */
    const struct cil_signature **signatures; /* of methods, by row - 1; NULL: not decoded yet */
    /* By row - 1 of MethodDef, MemberRef and MethodSpec; NULL: not resolved yet. */
    const struct cil_callee **methods, **member_refs, **method_specs;
};

struct cil_domain {
    struct arena arena;
    struct cil_assembly *assemblies, *core; /* core: defines System.Object */
    struct cil_type **buckets;
    uint32_t bucket_mask, type_count;
    uint32_t layout_depth, search_steps, interface_steps;
    struct cil_type *primitives[CIL_MVAR]; /* by kind; NULL: not resolved yet */
    /* For tests: no method is inlined; each has a frame that tells which call it is at. */
    bool keeps_calls, keeps_frames;
    enum status status; /* OK, or of the first failure */
    struct cil_error err;
    /** Find an assembly that another one refers to, and add it. @return NULL: not found, or
     * recorded. */
    struct cil_assembly *(*find)(struct cil_domain *d, const char *name, void *ctx);
    void *find_ctx;
    /** Read a symbol file, which then stays as long as the domain. @param path Absolute, or as the
     * assembly's. @return false: there is none. NULL: none are read. */
    bool (*find_symbols)(struct cil_assembly *a, const char *path, struct cil_bytes *out);
    /** Report why a symbol file is not used; once for each. */
    void (*refuse_symbols)(const char *why);
};

/** @brief Start a domain. @param limit  Bytes of memory that it may use. @param budget  Charged
 * for them; or NULL. @return NULL: no memory. @context{thread} */
struct cil_domain *cil_domain_new(size_t limit, struct budget *budget);
void cil_domain_free(struct cil_domain *d);

/** @brief Record a failure, unless there is one. @param token  0: concerns the whole file.
 * @return false. */
bool cil_fail(struct cil_domain *d, const struct cil_assembly *a, uint32_t token, enum status s,
              const char *fmt, ...) PRINTF_LIKE(5, 6);
/** @brief Record why a file was refused, unless there is a failure already. @return false. */
bool cil_domain_refuse(struct cil_domain *d, enum status s, const struct cil_error *err);
/** @brief Forget the failure, so that other parts can be checked. */
void cil_domain_forgive(struct cil_domain *d);

/** @brief Zeroed memory of the domain. @return NULL: an error is recorded. */
void *cil_alloc(struct cil_domain *d, uint64_t count, size_t size);

/**
 * @brief Load an assembly into a domain.
 * @param file Must stay as long as the domain.
 * @return NULL: refused, and recorded; no assembly was added.
 */
struct cil_assembly *cil_assembly_add(struct cil_domain *d, const char *file_name,
                                      struct cil_bytes file);
/** @brief The same with an index that exists. @param x Must stay as long as the domain. */
struct cil_assembly *cil_assembly_add_index(struct cil_domain *d, const struct cil_index *x);

/** @brief Find a class of an assembly, or of the one that it forwards the name to. Nested classes
 * are found through their enclosing one. @return NULL: not there (nothing is recorded), or
 * an error is recorded. */
struct cil_class *cil_find_class(struct cil_assembly *a, const char *space, const char *name);
struct cil_class *cil_find_nested(struct cil_class *c, const char *name);

/** @brief Determine a class's kind and type. @return false: an error is recorded. */
bool cil_class_classify(struct cil_class *c);
/** @brief Resolve a class's ancestors, too. @return false: an error is recorded. */
bool cil_class_open(struct cil_class *c);
/** @brief Decode the types of a class's fields. @return false: an error is recorded. */
bool cil_class_fields(struct cil_class *c);

/** @brief The class in a row of TypeDef. */
struct cil_class *cil_class_at(struct cil_assembly *a, uint32_t row);

/** @brief A type by its token: TypeDef, TypeRef or TypeSpec. @return NULL: an error is recorded. */
struct cil_type *cil_resolve_type(struct cil_assembly *a, uint32_t token);

/** @brief The core library's type of a kind from CIL_VOID to CIL_U, CIL_OBJECT. @return NULL:
 * an error is recorded. */
struct cil_type *cil_primitive(struct cil_domain *d, unsigned kind);

/* Types made of others. @return NULL: recorded (too deep, no memory). */
struct cil_type *cil_type_of(struct cil_domain *d, unsigned kind, struct cil_type *element);
struct cil_type *cil_type_array(struct cil_domain *d, struct cil_type *element, uint32_t rank);
struct cil_type *cil_type_variable(struct cil_domain *d, unsigned kind, uint32_t number);
struct cil_type *cil_type_modified(struct cil_domain *d, unsigned kind, struct cil_type *t,
                                   struct cil_type *modifier);
struct cil_type *cil_type_function(struct cil_domain *d, const struct cil_signature *s);
struct cil_type *cil_type_instance(struct cil_domain *d, struct cil_class *c,
                                   struct cil_type *const *args);
/** @brief The type of a class that is not instantiated. One for each class. */
struct cil_type *cil_type_class(struct cil_domain *d, unsigned kind, struct cil_class *c);

/** @brief Put types in the place of VAR and MVAR. @param owner An instantiation, whose
 * arguments replace VAR; otherwise VAR stays. @param method_args  They replace MVAR; NULL: MVAR
 * stays. @return NULL: an error is recorded. */
struct cil_type *cil_substitute(struct cil_domain *d, struct cil_type *t,
                                const struct cil_type *owner, struct cil_type *const *method_args,
                                uint32_t method_count);

const struct cil_signature *cil_substitute_signature(struct cil_domain *d,
                                                     const struct cil_signature *signature,
                                                     const struct cil_type *owner,
                                                     struct cil_type *const *method_args,
                                                     uint32_t method_count);

/** @brief A type without modifiers around it. */
static inline struct cil_type *cil_plain(struct cil_type *t)
{
    while (t->kind == CIL_MODREQ || t->kind == CIL_MODOPT) {
        t = t->element;
    }
    return t;
}

/** @brief True for generic types without arguments, which have no values. */
static inline bool cil_is_definition(const struct cil_type *t)
{
    return t->c != NULL && t->kind != CIL_GENERICINST && t->c->generic_count != 0;
}

/** @brief True for types whose values are objects: classes, interfaces, arrays, strings. */
bool cil_is_reference(const struct cil_type *t);
/** @brief True for types whose values may contain managed pointers: ref structs. */
bool cil_is_byref_like(const struct cil_type *t);
/** @brief True for value types that are not primitive, enumerations included. */
bool cil_is_struct(const struct cil_type *t);

/** @brief Decode a signature. @param token  The row that has it, for messages. @return NULL:
 * an error is recorded. */
const struct cil_signature *cil_decode_method(struct cil_assembly *a, struct cil_bytes blob,
                                              uint32_t token);
struct cil_type *cil_decode_field(struct cil_assembly *a, struct cil_bytes blob, uint32_t token);
struct cil_type *cil_decode_spec(struct cil_assembly *a, struct cil_bytes blob, uint32_t token);
/** @brief Types of local variables, or the arguments of a MethodSpec. */
const struct cil_signature *cil_decode_list(struct cil_assembly *a, struct cil_bytes blob,
                                            uint32_t token, unsigned convention);

/** @brief The signature of a method, decoded once. @return NULL: an error is recorded. */
const struct cil_signature *cil_method_signature(struct cil_assembly *a, uint32_t row);

/** @brief Resolve everything that an assembly's tables refer to: types, signatures, parents,
 * layouts. @return false: an error is recorded. */
bool cil_assembly_link(struct cil_assembly *a);

/** How values of a type, or its objects, lie in memory. */
struct cil_layout {
    uint32_t size, align;    /* of a value; of a reference type: its object, header included */
    uint32_t field_count;    /* of the class itself, by field */
    const uint32_t *offsets; /* by field; static and literal ones have none */
    uint32_t ref_count;      /* references to objects in it */
    const uint32_t *refs;    /* their offsets, ascending */
};

/** @brief The layout of a type that is not open. @param t  A class, a value type or a primitive
 * type. @return NULL: an error is recorded. */
const struct cil_layout *cil_type_layout(struct cil_domain *d, struct cil_type *t);

/** @brief Write a type's name: "System.Collections.Generic.List`1<System.Int32>[]".
 * @return Bytes that the whole name needs, as fmt_print(). */
size_t cil_type_text(char *out, size_t len, const struct cil_type *t);

/** @brief The same as programs see it: "N.Outer`1+Inner[System.Int32]". */
size_t cil_type_dotnet_text(char *out, size_t len, const struct cil_type *t);
size_t cil_class_text(char *out, size_t len, const struct cil_class *c);

/**
 * @brief Find an attribute of an item by the name of its class.
 * @param token The item. @param row 0 to start; becomes the attribute's row.
 * @return false: there is none, or no further one.
 */
bool cil_next_attribute(const struct cil_assembly *a, uint32_t token, const char *space,
                        const char *name, uint32_t *row);
