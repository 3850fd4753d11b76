# SPDX-License-Identifier: MIT
#
# Kernels that look for their own mistakes: presets with HALYARD_SANITIZE. What the compiler calls when it finds
# one is in kernel/ubsan.c and kernel/stack_guard.c.

# halyard_sanitize(TARGET EARLY...): EARLY are sources, without .c, that run where nothing of the kernel is in its place.
function(halyard_sanitize target)
    if(NOT HALYARD_SANITIZE)
        return()
    endif()
    if(NOT HALYARD_SANITIZE STREQUAL "undefined")
        message(FATAL_ERROR "HALYARD_SANITIZE=${HALYARD_SANITIZE}: there is undefined")
    endif()
    string(REGEX MATCHALL "/" slashes "${CMAKE_SOURCE_DIR}/")
    list(LENGTH slashes depth)
    set(checks
        -fsanitize=undefined -fno-sanitize=function,vptr # a function's type is checked in C++ alone
        -fsanitize-undefined-strip-path-components=${depth} # places are relative to the root, as in __FILE__
        -fno-sanitize-recover=all -fstack-protector-strong -ftrivial-auto-var-init=pattern -DHALYARD_UNDEFINED=1)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${checks}>")
    foreach(file IN LISTS ARGN)
        set_property(SOURCE "${CMAKE_SOURCE_DIR}/${file}.c" APPEND PROPERTY COMPILE_OPTIONS
            -fno-sanitize=all -fno-stack-protector)
    endforeach()
endfunction()
