// SPDX-License-Identifier: MIT
//
// Declarations in AML (ACPI 6.4, chapter 20): devices, and names of constant data. Nothing is
// evaluated: methods and other terms that compute are skipped as a whole, so whatever they would
// declare remains unknown.
#pragma once

#include "boot/acpi_internal.h"

enum aml_kind {
    AML_NAME,   /**< Name (name, data): the data is [body, end) */
    AML_DEVICE, /**< Device (name) {[body, end)} */
    AML_SCOPE,  /**< Scope (name) {[body, end)} */
    AML_OTHER,
};

/** One term of a list; offsets into the table. */
struct aml_term {
    enum aml_kind kind;
    uint32_t name; /* its last four characters, in the form of load_le32(); 0: the root */
    uint32_t body, end;
};

/** A name of four characters as in struct aml_term. */
#define AML_SEGMENT(a, b, c, d)                                                                    \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/**
 * @brief Decode the term at `*at`, and move to its end.
 * @param end  Of the list that contains it; at most the table's length.
 * @return false: the list has ended, or the next term is of a kind whose length cannot be
 * determined.
 * @context{early}
 */
bool aml_next(const struct acpi_table *t, uint32_t *at, uint32_t end, struct aml_term *out);

/**
 * @brief Decode a constant integer, and move to its end. @return false: it is none.
 * @context{early}
 */
bool aml_integer(const struct acpi_table *t, uint32_t *at, uint32_t end, uint64_t *out);

/** @brief Decode the name of an object: its last segment. @return false: it is none.
 * @context{early} */
bool aml_name(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *out);

/**
 * @brief Decode the frame of a Buffer with an initial value, or of a Package.
 * @param at     Moved to the end of the whole object.
 * @param first  Its first byte or element.
 * @param last   Offset after its last one.
 * @return false: it is neither, or it extends beyond `end`.
 * @context{early}
 */
bool aml_buffer(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *first,
                uint32_t *last);
bool aml_package(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *first,
                 uint32_t *last);
