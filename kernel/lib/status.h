// SPDX-License-Identifier: MIT
//
// The one error type of the kernel. What a code means at a given call is documented at that call;
// the words here are only what a person reads when the code is printed.
#pragma once

/**
 * @brief Result of a fallible function; ignoring one does not compile.
 *
 * OK is zero, everything else is negative. Outputs of a function that fails are untouched.
 */
enum [[nodiscard]] status{
    OK = 0,
    E_INVAL = -1,        /**< an argument, or a value in foreign bytes, is outside its range */
    E_NOMEM = -2,        /**< memory or address space ran out; trying later may work */
    E_NOENT = -3,        /**< the named thing does not exist */
    E_EXIST = -4,        /**< the named thing exists already */
    E_BUSY = -5,         /**< in use by somebody else; trying later may work */
    E_IO = -6,           /**< the device reported failure */
    E_RANGE = -7,        /**< past the end of a device, a file or a table */
    E_NOTSUP = -8,       /**< understood, and not offered by this object */
    E_PERM = -9,         /**< the caller may not */
    E_NOTDIR = -10,      /**< a path goes through something that is not a directory */
    E_ISDIR = -11,       /**< a file was wanted, a directory is there */
    E_NAMETOOLONG = -12, /**< a name or path is longer than the limit */
    E_CORRUPT = -13,     /**< foreign bytes contradict themselves */
    E_TIMEDOUT = -14,    /**< the time limit passed first */
    E_CANCELLED = -15,   /**< the caller's program is being ended, or the request was withdrawn */
    E_FORMAT = -16,      /**< the bytes are of no format that is known here */
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
    E_PIPE = -28,        /**< nobody is left who could read what is written */
};

/**
 * @brief Name a status in lower-case words ("no such file or directory").
 * @param s  Any value, also one that is not in the enum.
 * @return A static string, never NULL.
 * @context{any, IRQ-safe}
 */
const char *status_text(enum status s);
