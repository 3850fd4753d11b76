# SPDX-License-Identifier: MIT
#
# Extensions of this one kernel (kernel/module/extension.h), compiled as the kernel is and linked against the addresses
# that it has:
#
#   modules/tests.ko       the in-guest tests and benchmarks; scripts/run gives the file to the guest
#   modules/cil.ko         the front-end of .NET assemblies (docs/dotnet.md), which the kernel loads for the first of them
#   modules/ext2w.ko       what changes disks of ext2 and ext3 (docs/files.md), loaded for the first that is to be written
#   modules/livepatch.ko   the commands `livepatch` and `trace func` (docs/extensions.md), loaded when first used
#   modules/tools.ko       the shell's commands for looking at the system (kernel/shell/tools), loaded when first used
#
# The loaded file has only the line numbers of the debug information, for backtraces. debug/ has the same with all of it, for gdb.

if(NOT TARGET halyard)
    return()
endif()

# Without fences the sanitizer's constructors do nothing; the loader knows none.
set(no_constructors "")
if(HALYARD_SANITIZE STREQUAL "address")
    set(no_constructors --remove-section=.init_array* --remove-section=.rela.init_array*
        --remove-section=.fini_array* --remove-section=.rela.fini_array*)
endif()

set(extension_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py")
set(extension_script "${CMAKE_SOURCE_DIR}/cmake/extension.lds")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/debug" "${CMAKE_BINARY_DIR}/modules")

# halyard_add_extension(NAME OBJECTS TARGET): modules/NAME.ko from an object library, built by TARGET.
function(halyard_add_extension name objects target)
    set(full "${CMAKE_BINARY_DIR}/debug/${name}.ko")
    set(output "${CMAKE_BINARY_DIR}/modules/${name}.ko")
    add_custom_command(OUTPUT "${full}" "${output}"
        COMMAND ld.lld -r -T "${extension_script}" $<TARGET_OBJECTS:${objects}> -o ${name}.o
        COMMAND llvm-objcopy ${no_constructors} ${name}.o
        COMMAND ${extension_tool} $<TARGET_FILE:halyard> ${name}.o -o "${full}"
        COMMAND llvm-objcopy
            --remove-section=.debug_[^l]* --remove-section=.rela.debug_[^l]*
            --remove-section=.debug_loc* --remove-section=.rela.debug_loc*
            --remove-section=.comment --remove-section=.eh_frame --remove-section=.rela.eh_frame
            "${full}" "${output}"
        DEPENDS halyard ${objects} $<TARGET_OBJECTS:${objects}> "${extension_script}"
            "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py"
        COMMAND_EXPAND_LISTS COMMENT "Linking ${name}.ko" VERBATIM)
    add_custom_target(${target} ALL DEPENDS "${full}" "${output}")
endfunction()

halyard_guest_test_sources(${HALYARD_ARCH} test_sources)
set_property(SOURCE "${CMAKE_SOURCE_DIR}/tests/kernel/test_livepatch.c"
    "${CMAKE_SOURCE_DIR}/tests/bench/bench_livepatch.c" APPEND PROPERTY COMPILE_OPTIONS "${HALYARD_PATCHABLE_${HALYARD_ARCH}}")
halyard_kernel_objects(test_objects ${test_sources} ${also_in_tests})
# A test need not say what of the machine it depends on (kernel/test/test.h).
target_compile_options(test_objects PRIVATE "$<$<COMPILE_LANGUAGE:C>:-Wno-missing-field-initializers>")
if(HALYARD_ARCH STREQUAL "aarch64")
    # Of assembly, too, the file says that it has landing pads: then the CPU is told to check.
    target_compile_options(test_objects PRIVATE "$<$<COMPILE_LANGUAGE:ASM>:-mmark-bti-property>")
endif()
halyard_add_extension(tests test_objects extension)

foreach(room IN LISTS extension_rooms)
    halyard_add_extension(${room} ${room}_objects extension-${room})
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM extension-${room})
endforeach()

# halyard_livepatch(SOURCE): modules/NAME.ko, a patch of this one kernel (kernel/module/livepatch.h).
function(halyard_livepatch source)
    get_filename_component(name "${source}" NAME_WE)
    halyard_kernel_objects(patch-objects-${name} "${source}")
    set(output "${CMAKE_BINARY_DIR}/modules/${name}.ko")
    add_custom_command(OUTPUT "${output}"
        COMMAND ld.lld -r -T "${extension_script}" $<TARGET_OBJECTS:patch-objects-${name}> -o "${name}.patch.o"
        COMMAND ${extension_tool} $<TARGET_FILE:halyard> "${name}.patch.o" -o "${name}.patch.ko"
        COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/patch.py" $<TARGET_FILE:halyard>
            $<TARGET_FILE:halyard-named> "${name}.patch.ko"
        COMMAND llvm-objcopy --strip-debug --remove-section=.comment --remove-section=.eh_frame
            --remove-section=.rela.eh_frame "${name}.patch.ko" "${output}"
        DEPENDS halyard patch-objects-${name} $<TARGET_OBJECTS:patch-objects-${name}> "${extension_script}"
            "${CMAKE_SOURCE_DIR}/scripts/lib/extension.py" "${CMAKE_SOURCE_DIR}/scripts/lib/patch.py"
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
