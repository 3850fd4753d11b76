# SPDX-License-Identifier: MIT
#
# Which files make up what. A new file is picked up by its place in the tree: no list to edit.

# Portable code: everything that has no machine in its name.
function(halyard_portable_sources out)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/kernel/*.c"
        "${CMAKE_SOURCE_DIR}/boot/*.c"
        "${CMAKE_SOURCE_DIR}/drivers/*.c"
        "${CMAKE_SOURCE_DIR}/hal/*.c")
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# One machine's tree. boot32/ is compiled for another mode, by that machine's machine.cmake.
function(halyard_arch_sources arch out)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/arch/${arch}/*.c"
        "${CMAKE_SOURCE_DIR}/arch/${arch}/*.S")
    list(FILTER found EXCLUDE REGEX "/boot32/")
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# Tests and benchmarks that are linked into the kernel: what passes the tests is what ships.
function(halyard_guest_test_sources out)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/tests/kernel/*.c"
        "${CMAKE_SOURCE_DIR}/tests/kernel/*.S"
        "${CMAKE_SOURCE_DIR}/tests/bench/*.c")
    set(${out} ${found} PARENT_SCOPE)
endfunction()
