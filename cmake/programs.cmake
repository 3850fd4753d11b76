# SPDX-License-Identifier: MIT
#
# Programs: relocatable objects that the kernel's loader places and runs, one a file of programs/.
# Floating point is theirs to use; the red zone is not, because interrupts arrive on their stack.
# The README's one line for a new program is these flags.

set(HALYARD_PROGRAM_FLAGS_x86_64 -mcmodel=kernel -mno-red-zone)
set(HALYARD_PROGRAM_FLAGS_aarch64 -mbranch-protection=none)

# halyard_add_program(NAME SOURCE... [FLAGS flag...]): programs/NAME.elf in the build directory.
function(halyard_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FLAGS")
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.elf")
    set(objects "")
    foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
        get_filename_component(stem "${source}" NAME_WE)
        set(object "${CMAKE_BINARY_DIR}/programs/${name}.dir/${stem}.o")
        add_custom_command(OUTPUT "${object}"
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/programs/${name}.dir"
            COMMAND "${CMAKE_C_COMPILER}" --target=${HALYARD_ARCH}-none-elf -std=gnu2x -O2 -g
                -ffreestanding -fno-pic -fno-common -fno-omit-frame-pointer
                ${HALYARD_PROGRAM_FLAGS_${HALYARD_ARCH}} ${HALYARD_PATH_FLAGS}
                -Wall -Wextra -Werror ${arg_FLAGS}
                -I "${CMAKE_SOURCE_DIR}/programs/sdk"
                -MD -MF "${object}.d" -c "${source}" -o "${object}"
            DEPENDS "${source}" DEPFILE "${object}.d"
            COMMENT "Compiling program ${name}" VERBATIM)
        list(APPEND objects "${object}")
    endforeach()
    # One file for the loader, whether the program has one source or many.
    add_custom_command(OUTPUT "${output}"
        COMMAND ld.lld -r ${objects} -o "${output}"
        DEPENDS ${objects} COMMENT "Linking program ${name}" VERBATIM)
    add_custom_target(program-${name} ALL DEPENDS "${output}")
endfunction()

file(GLOB programs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/*.c")
foreach(source IN LISTS programs)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_program(${name} "${source}")
endforeach()
