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

# Drivers and extensions (docs/extensions.md) that are not linked into the kernel but built as modules
# (cmake/modules.cmake). To link a driver in, take it out here and list it in drivers/registry.c.
set(HALYARD_MODULES
    "${CMAKE_SOURCE_DIR}/drivers/random/virtio_rng.c"
    "${CMAKE_SOURCE_DIR}/examples/extension/rpn.c"
    "${CMAKE_SOURCE_DIR}/examples/extension/tinyfs.c")

# The same of several files: each folder is a module of its name.
set(HALYARD_MODULE_FOLDERS
    "${CMAKE_SOURCE_DIR}/drivers/9p"
    "${CMAKE_SOURCE_DIR}/drivers/fat")

# One machine's tree. boot32/ is compiled for another mode, by that machine's machine.cmake.
function(halyard_arch_sources arch out)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/arch/${arch}/*.c"
        "${CMAKE_SOURCE_DIR}/arch/${arch}/*.S")
    list(FILTER found EXCLUDE REGEX "/boot32/")
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# Tests and benchmarks that run in the kernel. They are no part of it (cmake/extension.cmake): the kernel that
# passes the tests is, to the byte, the one that ships. Code for one machine is in a folder of its name. The profiler is in
# tools.ko, and tracing of calls, the search of stacks and patches of programs in livepatch.ko, so the tests have copies; which
# patches of the kernel are applied is the kernel's state, and which ones of a program, each copy's.
function(halyard_guest_test_sources arch out)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/tests/kernel/*.c"
        "${CMAKE_SOURCE_DIR}/tests/kernel/*.S"
        "${CMAKE_SOURCE_DIR}/tests/unit/jit/toy_*.c"
        "${CMAKE_SOURCE_DIR}/tests/ir/*.c"
        "${CMAKE_SOURCE_DIR}/tests/conformance/spec_*.c"
        "${CMAKE_SOURCE_DIR}/tests/bench/*.c"
        "${CMAKE_SOURCE_DIR}/kernel/trace/report/profile.c"
        "${CMAKE_SOURCE_DIR}/kernel/trace/report/calltree.c"
        "${CMAKE_SOURCE_DIR}/kernel/trace/report/trace_prepare.c"
        "${CMAKE_SOURCE_DIR}/kernel/module/livepatch_list.c"
        "${CMAKE_SOURCE_DIR}/kernel/module/livepatch_trace.c"
        "${CMAKE_SOURCE_DIR}/kernel/jit/verify/verify_entry.c"
        "${CMAKE_SOURCE_DIR}/kernel/livepatch/frontends.c"
        "${CMAKE_SOURCE_DIR}/kernel/livepatch/in_use.c"
        "${CMAKE_SOURCE_DIR}/kernel/livepatch/program_*.c"
        "${CMAKE_SOURCE_DIR}/kernel/wasm/livepatch/*.c")
    foreach(folder aarch64 x86_64)
        if(NOT folder STREQUAL arch)
            list(FILTER found EXCLUDE REGEX "/tests/kernel/${folder}/")
        endif()
    endforeach()
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# The screen's font as a C file in the build directory. A directory that links it calls this itself: the
# command belongs to the directory.
function(halyard_font_source out)
    set(generated "${CMAKE_CURRENT_BINARY_DIR}/font_data.c")
    set(fonts "${CMAKE_SOURCE_DIR}/drivers/video/font/Uni2-Terminus16.psf.gz"
        "${CMAKE_SOURCE_DIR}/drivers/video/font/Uni2-TerminusBold16.psf.gz")
    add_custom_command(OUTPUT "${generated}"
        COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/font.py" ${fonts} "${generated}"
        DEPENDS ${fonts} "${CMAKE_SOURCE_DIR}/scripts/lib/font.py"
        COMMENT "Generating the font" VERBATIM)
    set(${out} "${generated}" PARENT_SCOPE)
endfunction()

# Where the C library is linked too, the kernel's memcpy and friends must not stand in for its own, which
# sanitizers and cmocka call. There they are called kernel_memcpy and so on, and are tested under those
# names: definitions for kernel/lib/string.c.
set(HALYARD_STRING_RENAMES memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strrchr
    strstr strcpy strncpy strcat strspn strcspn)
list(TRANSFORM HALYARD_STRING_RENAMES REPLACE "(.+)" "\\1=kernel_\\1")
