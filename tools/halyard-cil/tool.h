// SPDX-License-Identifier: MIT
//
// The parts of halyard-cil.
#pragma once

#include "kernel/cil/front/domain.h"

#define TOOL_TRAPPED     119
#define TOOL_REFUSED     125
#define TOOL_FOLDERS_MAX 16

enum tool_action { TOOL_NONE, TOOL_CHECK, TOOL_DUMP, TOOL_LAYOUT, TOOL_RUN, TOOL_TESTS, TOOL_MAIN };

struct tool {
    enum tool_action action;
    const char *folders[TOOL_FOLDERS_MAX + 1]; /* of other assemblies; the file's own is first */
    unsigned folder_count;
    bool is_trusted, shows_times, is_interpreted, shows_heap;
    unsigned gc_checks;      /* enum cil_gc_check */
    const char *gc_unmarked; /* likewise; its stores of references are not noted */
    const char *gc_lost; /* "Type::Method", of which the collector does not get all references */
    const char *way;     /* how to make machine code, if not as usual (engine_has_way()); or NULL */
    unsigned memory_mib; /* limit of a program's memory; 0: 1 GiB */
    const char *path;    /* the file */
    const char *method;  /* TOOL_RUN: "Type::Method" */
    int argc;            /* and its arguments */
    char **argv;
};

/** @brief CPU seconds of this process. */
double tool_now(void);

/** @brief Print the reason for refusing a file. @return TOOL_REFUSED. */
int tool_refuse(const struct cil_error *err);

/** @brief Map a file. It stays mapped. @return false: failed, and the reason is printed. */
bool tool_map(const char *path, struct cil_bytes *out);

/** @brief The part of a path after the last slash. */
const char *tool_file_name(const char *path);

/** @brief Load an assembly into a new domain, which finds others in t->folders. @return NULL:
 * refused, and the reason is printed. */
struct cil_assembly *tool_load(struct tool *t, const char *path);

/** @brief Link an assembly and verify its methods. Each one that is refused is printed.
 * @return exit status. */
int tool_check(struct tool *t, struct cil_assembly *a, const char *path);

/** @brief Run a static method on numbers, and print its result. @return exit status. */
int tool_run(const struct tool *t, struct cil_assembly *a);

/** @brief Run Main with the words after the file. @return exit status. */
int tool_main(const struct tool *t, struct cil_assembly *a);

/** @brief Run every static method test_N_NAME, which must return N, as far as it can be compiled.
 * @return exit status. */
int tool_tests(const struct tool *t, struct cil_assembly *a);

/** @brief Print an assembly's references, tables, types and methods. @return exit status. */
int tool_dump(const struct cil_image *m);

/** @brief Print where the fields of an assembly's types lie. @return exit status. */
int tool_layout(struct cil_assembly *a);
