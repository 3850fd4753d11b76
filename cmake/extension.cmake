# SPDX-License-Identifier: MIT
#
# The in-guest tests and benchmarks: an extension of this one kernel (kernel/module/extension.h), compiled as the
# kernel is and linked against the addresses that it has. scripts/run gives the file to the guest.
#
#   modules/tests.ko   what is loaded: of the debug information it has the lines, for backtraces
#   debug/tests.ko     the same with all of it, for gdb

if(NOT TARGET halyard)
    return()
endif()

halyard_guest_test_sources(${HALYARD_ARCH} test_sources)
set_property(SOURCE "${CMAKE_SOURCE_DIR}/tests/kernel/test_livepatch.c"
    "${CMAKE_SOURCE_DIR}/tests/bench/bench_livepatch.c" APPEND PROPERTY COMPILE_OPTIONS "${HALYARD_PATCHABLE_${HALYARD_ARCH}}")
halyard_kernel_objects(test_objects ${test_sources})
# A test need not say what of the machine it depends on (kernel/test/test.h).
target_compile_options(test_objects PRIVATE "$<$<COMPILE_LANGUAGE:C>:-Wno-missing-field-initializers>")
if(HALYARD_ARCH STREQUAL "aarch64")
    # Of assembly, too, the file says that it has landing pads: then the CPU is told to check.
    target_compile_options(test_objects PRIVATE "$<$<COMPILE_LANGUAGE:ASM>:-mmark-bti-property>")
endif()

# Without fences the sanitizer's constructors do nothing; the loader knows none.
set(no_constructors "")
if(HALYARD_SANITIZE STREQUAL "address")
    set(no_constructors COMMAND llvm-objcopy
        "--remove-section=.init_array*" "--remove-section=.rela.init_array*" tests.o)
endif()

set(extension_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py")
set(extension_script "${CMAKE_SOURCE_DIR}/cmake/extension.lds")
set(extension_full "${CMAKE_BINARY_DIR}/debug/tests.ko")
set(extension "${CMAKE_BINARY_DIR}/modules/tests.ko")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/debug" "${CMAKE_BINARY_DIR}/modules")

add_custom_command(OUTPUT "${extension_full}" "${extension}"
    COMMAND ld.lld -r -T "${extension_script}" $<TARGET_OBJECTS:test_objects> -o tests.o
    ${no_constructors}
    COMMAND ${extension_tool} $<TARGET_FILE:halyard> tests.o -o "${extension_full}"
    COMMAND llvm-objcopy
        --remove-section=.debug_[^l]* --remove-section=.rela.debug_[^l]*
        --remove-section=.debug_loc* --remove-section=.rela.debug_loc*
        --remove-section=.comment --remove-section=.eh_frame --remove-section=.rela.eh_frame
        "${extension_full}" "${extension}"
    DEPENDS halyard test_objects $<TARGET_OBJECTS:test_objects> "${extension_script}"
        "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py"
    COMMAND_EXPAND_LISTS COMMENT "Linking tests.ko" VERBATIM)

# halyard_livepatch(SOURCE): modules/NAME.ko, a patch of this one kernel (kernel/module/livepatch.h).
function(halyard_livepatch source)
    get_filename_component(name "${source}" NAME_WE)
    halyard_kernel_objects(patch-objects-${name} "${source}")
    set(output "${CMAKE_BINARY_DIR}/modules/${name}.ko")
    add_custom_command(OUTPUT "${output}"
        COMMAND ld.lld -r -T "${extension_script}" $<TARGET_OBJECTS:patch-objects-${name}> -o "${name}.patch.o"
        COMMAND ${extension_tool} $<TARGET_FILE:halyard> "${name}.patch.o" -o "${name}.patch.ko"
        COMMAND llvm-objcopy --strip-debug --remove-section=.comment --remove-section=.eh_frame
            --remove-section=.rela.eh_frame "${name}.patch.ko" "${output}"
        DEPENDS halyard patch-objects-${name} $<TARGET_OBJECTS:patch-objects-${name}> "${extension_script}"
            "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py"
        COMMAND_EXPAND_LISTS COMMENT "Linking patch ${name}" VERBATIM)
    add_custom_target(patch-${name} ALL DEPENDS "${output}")
endfunction()

file(GLOB patch_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/livepatch/*.c")
if(HALYARD_SANITIZE STREQUAL "address") # whose constructors the loader does not know
    set(patch_sources "")
endif()
foreach(source IN LISTS patch_sources)
    halyard_livepatch("${source}")
endforeach()

add_custom_target(extension ALL DEPENDS "${extension_full}" "${extension}")
