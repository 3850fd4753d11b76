# SPDX-License-Identifier: MIT
#
# Kernels that look for their own mistakes: presets with HALYARD_SANITIZE. What the compiler calls when it finds
# one is in kernel/debug/report/ubsan.c, kernel/debug/report/stack_guard.c and kernel/mm/asan.c.

# Of the image's first 16 MiB the shadow is in its .bss, at a place that is known when everything is compiled: so it
# is mapped from the first instruction on. All other memory has its shadow at the same offset: docs/memory.md.
set(asan_shadow 0)
if(HALYARD_SANITIZE STREQUAL "address")
    set(asan_shadow 0xffffffff80c00000)
endif()
set(HALYARD_SHADOW_LINK_FLAGS "--defsym=ASAN_SHADOW=${asan_shadow}" "--defsym=ASAN_SHADOW_SIZE=0x200000")
set(asan_offset 0xdfffffff90c00000) # asan_shadow - HAL_IMAGE_BASE / 8

# halyard_sanitize(TARGET EARLY...): EARLY are sources, without .c, that run where nothing of the kernel is in its place.
function(halyard_sanitize target)
    if(NOT HALYARD_SANITIZE)
        return()
    endif()
    set(unchecked ${ARGN})
    if(HALYARD_SANITIZE STREQUAL "undefined")
        string(REGEX MATCHALL "/" slashes "${CMAKE_SOURCE_DIR}/")
        list(LENGTH slashes depth)
        set(checks
            -fsanitize=undefined -fno-sanitize=function,vptr # a function's type is checked in C++ alone
            -fsanitize-undefined-strip-path-components=${depth} # places are relative to the root, as in __FILE__
            -fno-sanitize-recover=all -fstack-protector-strong -ftrivial-auto-var-init=pattern -DHALYARD_UNDEFINED=1)
    elseif(HALYARD_SANITIZE STREQUAL "address")
        # Data that is loaded at run time, such as that of drivers, has no shadow: fences around its variables would have no effect.
        set(fences 1)
        if(target STREQUAL "test_objects")
            set(fences 0)
        endif()
        set(checks
            --target=${HALYARD_ARCH}-linux-gnu -fsanitize=kernel-address # which clang knows for such targets alone
            "SHELL:-mllvm -asan-mapping-offset=${asan_offset}"
            "SHELL:-mllvm -asan-instrumentation-with-call-threshold=0" # calls, which know where there is no shadow
            "SHELL:-mllvm -asan-stack=1" "SHELL:-mllvm -asan-use-after-scope=1" "SHELL:-mllvm -asan-globals=${fences}"
            -DHALYARD_ADDRESS=1 -DHALYARD_ASAN_OFFSET=${asan_offset} -DHALYARD_ASAN_IMAGE=0x1000000)
        if(HALYARD_ARCH STREQUAL "aarch64")
            list(APPEND checks -mno-outline-atomics) # Linux's way; the functions are its library's
        endif()
        # These are the sanitizer, or look at what nobody else may.
        list(APPEND unchecked kernel/mm/asan kernel/lib/access_check kernel/lib/string kernel/mm/heap_debug kernel/mm/page_poison)
    else()
        message(FATAL_ERROR "HALYARD_SANITIZE=${HALYARD_SANITIZE}: there are undefined and address")
    endif()
    foreach(check IN LISTS checks)
        string(REGEX REPLACE "^SHELL:(.*)$" "\\1" bare "${check}")
        if(bare STREQUAL check)
            target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${check}>")
        else()
            target_compile_options(${target} PRIVATE "SHELL:$<$<COMPILE_LANGUAGE:C>:${bare}>")
        endif()
    endforeach()
    list(REMOVE_DUPLICATES unchecked)
    foreach(file IN LISTS unchecked)
        set_property(SOURCE "${CMAKE_SOURCE_DIR}/${file}.c" APPEND PROPERTY COMPILE_OPTIONS
            -fno-sanitize=all -fno-stack-protector)
    endforeach()
endfunction()
