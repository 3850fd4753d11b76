# SPDX-License-Identifier: MIT
#
# The kernel of one machine: objects from the tree, linked by that machine's script into halyard.elf.

include(sanitize)

set(arch_dir "${CMAKE_SOURCE_DIR}/arch/${HALYARD_ARCH}")
# Through a glob, so that a script that appears later is noticed.
file(GLOB linker_script CONFIGURE_DEPENDS "${arch_dir}/kernel.lds")

set(HALYARD_MACHINE_FLAGS_x86_64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only)
# Strict alignment: before the MMU is on all memory is Device memory, where unaligned accesses fault.
set(HALYARD_MACHINE_FLAGS_aarch64 -mstrict-align -mgeneral-regs-only -mbranch-protection=standard)

# Paths in __FILE__ and in debug information are relative to the root: builds of the same commit are
# the same bytes wherever the tree lies.
set(HALYARD_PATH_FLAGS "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" -fdebug-compilation-dir=.)

set(kernel_flags
    -ffreestanding -fno-pic -fno-common -ffunction-sections -fdata-sections
    -fno-omit-frame-pointer # panic walks the frames
    -fno-asynchronous-unwind-tables
    ${HALYARD_MACHINE_FLAGS_${HALYARD_ARCH}}
    ${HALYARD_PATH_FLAGS})

halyard_portable_sources(portable_sources)
list(REMOVE_ITEM portable_sources ${HALYARD_MODULES})
halyard_arch_sources(${HALYARD_ARCH} arch_sources)
halyard_font_source(font_source)

# What one machine needs besides: sets HALYARD_MACHINE_OBJECTS (linked as they are), HALYARD_MACHINE_LINK_FLAGS and
# HALYARD_EARLY_FILES (sources, without .c, that run where nothing of the kernel is in its place); may edit arch_sources.
set(HALYARD_MACHINE_OBJECTS "")
set(HALYARD_MACHINE_LINK_FLAGS "")
set(HALYARD_EARLY_FILES "")
include("${arch_dir}/machine.cmake" OPTIONAL)

set(kernel_sources ${portable_sources} ${font_source} ${arch_sources})

# halyard_kernel_objects(TARGET SOURCE...): compiled as everything in the kernel is.
function(halyard_kernel_objects target)
    add_library(${target} OBJECT ${ARGN})
    target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}" "${arch_dir}/include")
    target_compile_options(${target} PRIVATE
        ${kernel_flags}
        "$<$<COMPILE_LANGUAGE:C>:-std=gnu2x;${HALYARD_WARNINGS}>")
    if(EXISTS "${arch_dir}/string.S" AND NOT HALYARD_SANITIZE STREQUAL "address") # kernel/lib/string.c
        target_compile_definitions(${target} PRIVATE HALYARD_MACHINE_COPIES=1)
    endif()
    halyard_sanitize(${target} ${HALYARD_EARLY_FILES})
endfunction()

if(kernel_sources)
    halyard_kernel_objects(kernel_objects ${kernel_sources})
    # A frame is a third of what its fast paths are; they call nothing but what they jump to.
    set_property(SOURCE kernel/mm/heap.c APPEND PROPERTY COMPILE_OPTIONS -momit-leaf-frame-pointer)
endif()

if(NOT kernel_sources OR NOT linker_script)
    return()
endif()

# Two links: the second adds the names and lines of the first's functions, for backtraces. The table
# lies in .rodata, behind the code, so no function moves; symbols.py proves it after the second link.
set(symbols_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py")

function(halyard_link_kernel name table)
    set_source_files_properties("${table}" PROPERTIES GENERATED ON)
    add_executable(${name} $<TARGET_OBJECTS:kernel_objects> ${HALYARD_MACHINE_OBJECTS} "${table}")
    set_source_files_properties(${HALYARD_MACHINE_OBJECTS} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    set_target_properties(${name} PROPERTIES
        SUFFIX ".elf"
        LINKER_LANGUAGE C
        LINK_DEPENDS "${linker_script};${CMAKE_SOURCE_DIR}/scripts/lib/elfcheck.py")
    target_link_options(${name} PRIVATE
        -static -T "${linker_script}" --fatal-warnings --orphan-handling=error -z max-page-size=4096
        --build-id=none "-Map=${CMAKE_BINARY_DIR}/${name}.map" ${HALYARD_MACHINE_LINK_FLAGS} ${HALYARD_SHADOW_LINK_FLAGS})
endfunction()

add_custom_command(OUTPUT symbols-none.S
    COMMAND ${symbols_tool} --empty -o symbols-none.S
    DEPENDS "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py" VERBATIM)
halyard_link_kernel(halyard-unnamed "${CMAKE_BINARY_DIR}/symbols-none.S")

add_custom_command(OUTPUT symbols.S
    COMMAND ${symbols_tool} $<TARGET_FILE:halyard-unnamed> -o symbols.S
    DEPENDS halyard-unnamed "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py" VERBATIM)
halyard_link_kernel(halyard "${CMAKE_BINARY_DIR}/symbols.S")

# What checks itself, or is compiled to be debugged, is larger.
set(image_bytes_max "")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT HALYARD_SANITIZE)
    set(image_bytes_max 1048576)
endif()
add_custom_command(TARGET halyard POST_BUILD
    COMMAND ${symbols_tool} --same-text $<TARGET_FILE:halyard-unnamed> $<TARGET_FILE:halyard>
    COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/elfcheck.py" $<TARGET_FILE:halyard> ${image_bytes_max}
    VERBATIM)
if(HALYARD_ARCH STREQUAL "aarch64")
    add_custom_command(TARGET halyard POST_BUILD
        COMMAND llvm-objcopy -O binary $<TARGET_FILE:halyard> "${CMAKE_BINARY_DIR}/halyard.img" VERBATIM
        BYPRODUCTS "${CMAKE_BINARY_DIR}/halyard.img")
endif()
