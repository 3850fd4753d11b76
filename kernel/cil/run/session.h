// SPDX-License-Identifier: MIT
//
// An assembly in the kernel, with those that it refers to: they are read from files.
#pragma once

#include "kernel/cil/front/build.h"

struct budget;
struct cil_file;

/** Folder of the core library, and of other assemblies that may use pointers. */
#define CIL_FOLDER "/lib/cil/"

/** All zero at first. Its memory is the budget's, except for the files that it reads. */
struct cil_session {
    struct budget *budget;
    struct cil_domain *domain;
    struct cil_assembly *assembly; /* the one that was asked for */
    struct cil_file *files;        /* the others */
    const char *path;
    struct arena arena; /* of the unit */
    struct cil_unit unit;
};

/**
 * @brief Load an assembly and the core library.
 * @param path Of the file. Other assemblies are looked for in its folder, then in CIL_FOLDER. It
 *     must live as long as the session. @param bytes  Likewise.
 * @param budget Charged for everything; or NULL.
 * @return false: domain->err says why; domain NULL: no memory. @context{thread, may sleep}
 */
bool cil_session_open(struct cil_session *s, const char *path, const void *bytes, size_t len,
                      struct budget *budget);

/**
 * @brief Verify and translate a method and all that it calls. While it works, the running thread
 * may be ended at any instruction (budget_open()). Once for each session.
 * @param row Of MethodDef in the session's assembly.
 * @return false: domain->err says why. @context{thread, may sleep}
 */
bool cil_session_build(struct cil_session *s, uint32_t row);

/** @brief The row of Main. @return 0: there is none, or it cannot be called; domain->err says why.
 * @context{thread, may sleep} */
uint32_t cil_session_main(struct cil_session *s);

/** @brief Find a method by its name: "N.T::M" or "N.T.M"; the first of several of the same name.
 * @return its row; 0: there is none. @context{thread} */
uint32_t cil_session_find(struct cil_session *s, const char *name);

/** @brief Write the name of a method of the unit, printable: "N.T::M". @context{thread} */
void cil_session_name(const struct cil_unit *u, uint32_t number, char *out, size_t len);

/** @brief Free what the budget does not own, and with a NULL budget everything. @context{thread} */
void cil_session_close(struct cil_session *s);
