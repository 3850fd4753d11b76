// SPDX-License-Identifier: MIT
//
// The native methods of the core library, and the system functions that they call.
#pragma once

#include "kernel/cil/run/runtime.h"

struct cil_thread;
struct wasi;

#define CIL_SYSTEM_FAILED (-1)
#define CIL_SYSTEM_ENDED  (-2) /* the program does not continue */

/** The system: the kernel, or a host's. The runtime's `owner` points to it. */
struct cil_system {
    /** Write all of the bytes to stream 1 or 2. @return 0, or one of the above. */
    int32_t (*write)(struct cil_system *s, uint32_t stream, const void *bytes, size_t len);
    /** Read from stream 0. @return number of bytes; 0: end of file; or one of the above. */
    int32_t (*read)(struct cil_system *s, void *bytes, size_t len);
    /** Nanoseconds since 1970, or, if it is monotonic, since any time. */
    int64_t (*clock_ns)(struct cil_system *s, bool is_monotonic);
    /** CPUs that run the program's threads: at least 1. */
    uint32_t (*processors)(void);
    /** Start a thread that calls cil_thread_run(). @return false: nothing was started. NULL: there
     * are no threads here. */
    bool (*start)(struct cil_system *s, struct cil_thread *t);
    struct wasi *wasi;  /* the files that the program can reach; or NULL */
    uint32_t last_hash; /* 0 at first; changed atomically */
};

#define CIL_NATIVE(name, signature, function) CIL_NATIVE_##function,
enum {
#include "kernel/cil/run/natives.def"
    CIL_NATIVE_COUNT
};
#undef CIL_NATIVE

/* values.c */
cil_native_call cil_value_is_equal, cil_value_hash, cil_value_references, cil_value_reference,
    cil_enum_number, cil_enum_name, cil_enum_largest, cil_enum_has_flags, cil_enum_code,
    cil_enum_constant_name, cil_enum_constant_value, cil_enum_make;

/* types.c */
cil_native_call cil_type_traits, cil_type_relative, cil_type_accepts, cil_type_instance_of,
    cil_type_constructor, cil_type_allocate, cil_type_make_array, cil_type_make_matrix,
    cil_array_set_dimension, cil_enum_make_array, cil_array_element, cil_array_store,
    cil_array_copy, cil_array_clear, cil_array_copy_bytes, cil_array_element_size;
/** @brief The System.RuntimeType of a type. @return 0: it has none. @context{thread} */
uint32_t cil_type_object(const struct cil_runtime *r, const struct cil_type *t);
/** @brief The System.TypeCode of a type; of an enumeration, of its integers. @context{thread} */
uint32_t cil_type_code(struct cil_runtime *r, struct cil_type *t);

/* members.c */
cil_native_call cil_member_at, cil_member_name, cil_member_traits, cil_member_type,
    cil_member_parameter, cil_member_entry, cil_member_instance, cil_member_delegate,
    cil_type_multi, cil_attribute_at, cil_attribute_type, cil_attribute_maker, cil_attribute_array;
/** @brief The name of a method's parameter, from 0. @return NULL: the file has none. */
const char *cil_parameter_name(struct cil_runtime *r, const struct cil_image *m, uint32_t row,
                               uint32_t parameter);

/* files.c */
#define CIL_FILES_NATIVE "System.IO.Wasi::Call"
cil_native_call cil_call_wasi;

/** @brief Whether a program may use files, its arguments or its environment. Otherwise it needs no
 * struct wasi. @context{any} */
bool cil_files_are_used(const struct cil_unit *u);

/* letters.c */
cil_native_call cil_char_kind, cil_char_case;

/* slots.c */
cil_native_call cil_slot_add, cil_slot_read, cil_slot_write, cil_slot_free, cil_slot_forget,
    cil_slot_next_ready, cil_slot_address, cil_slot_failed;

/* traces.c */
cil_native_call cil_trace_depth, cil_trace_fill, cil_trace_passed, cil_trace_take, cil_trace_member,
    cil_trace_name, cil_trace_line, cil_trace_file;

/* thread_natives.c */
cil_native_call cil_thread_spawn, cil_thread_self, cil_thread_set_self, cil_thread_sleep;

/* monitor.c */
cil_native_call cil_monitor_enter, cil_monitor_exit, cil_monitor_wait, cil_monitor_pulse;

/** @brief The hash code of an object, which it keeps from then on. natives.c */
uint32_t cil_object_hash(struct cil_runtime *r, uint32_t object);

extern const struct cil_native cil_natives[CIL_NATIVE_COUNT];
