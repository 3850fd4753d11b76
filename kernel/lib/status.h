// SPDX-License-Identifier: MIT
//
// The kernel's error type. Each function documents the codes that it returns; the texts here are
// only for printing.
#pragma once

/**
 * @brief Result of a fallible function; ignoring one does not compile.
 *
 * OK is zero, everything else is negative. A function that fails does not change its outputs.
 */
enum [[nodiscard]] status{
    OK = 0,
    E_INVAL = -1,        /**< an argument, or a value from a file or device, is invalid */
    E_NOMEM = -2,        /**< out of memory or address space; may succeed later */
    E_NOENT = -3,        /**< the named thing does not exist */
    E_EXIST = -4,        /**< the named thing exists already */
    E_BUSY = -5,         /**< in use; may succeed later */
    E_IO = -6,           /**< the device reported failure */
    E_RANGE = -7,        /**< past the end of a device, a file or a table */
    E_NOTSUP = -8,       /**< known, but not supported by this object */
    E_PERM = -9,         /**< the caller has no permission */
    E_NOTDIR = -10,      /**< a path goes through something that is not a directory */
    E_ISDIR = -11,       /**< a file was wanted, a directory is there */
    E_NAMETOOLONG = -12, /**< a name or path is longer than the limit */
    E_CORRUPT = -13,     /**< data from a file or device is inconsistent */
    E_TIMEDOUT = -14,    /**< the time limit passed first */
    E_CANCELLED = -15,   /**< the caller's program is ending, or the request was withdrawn */
    E_FORMAT = -16,      /**< the format of the bytes is unknown */
    E_MACHINE = -17,     /**< right format, made for another machine */
    E_UNRESOLVED = -18,  /**< an import has no definition here, or not in that version */
    E_OVERFLOW = -19,    /**< a sum, a count or a displacement does not fit its field */
    E_NOSPC = -20,       /**< the file system or the buffer is full */
    E_ROFS = -21,        /**< the file system is read-only */
    E_NODEV = -22,       /**< no such device, or not one this driver handles */
    E_AGAIN = -23,       /**< nothing to do yet; the caller asked not to wait */
    E_FAULT = -24,       /**< an address faulted */
    E_NOTEMPTY = -25,    /**< a directory still has entries */
    E_LOOP = -26,        /**< too many symbolic links */
    E_XDEV = -27,        /**< the two names are on different file systems */
    E_PIPE = -28,        /**< no reader is left */
};

/**
 * @brief Name a status in lower-case words ("no such file or directory").
 * @param s Any value, even one that is not in the enum.
 * @return A static string, never NULL.
 * @context{any, IRQ-safe}
 */
const char *status_text(enum status s);
