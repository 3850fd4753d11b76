# SPDX-License-Identifier: MIT
#
# Programs: relocatable objects that the kernel's loader places and runs, one a file of programs/.
# Floating point is theirs to use; the red zone is not, because interrupts arrive on their stack.
# The flags are in programs/cflags.<machine>, which the README's one line for a new program names, too.

# halyard_add_program(NAME SOURCE... [FLAGS flag...]): programs/NAME.elf in the build directory.
function(halyard_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FLAGS")
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.elf")
    set(flags "${CMAKE_SOURCE_DIR}/programs/cflags.${HALYARD_ARCH}")
    set(objects "")
    foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
        get_filename_component(stem "${source}" NAME_WE)
        set(object "${CMAKE_BINARY_DIR}/programs/${name}.dir/${stem}.o")
        add_custom_command(OUTPUT "${object}"
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/programs/${name}.dir"
            # The absolute -I comes first: the dependency file then names headers as ninja knows them.
            COMMAND "${CMAKE_C_COMPILER}" -I "${CMAKE_SOURCE_DIR}/programs/sdk" "@${flags}"
                ${HALYARD_PATH_FLAGS} -Wall -Wextra -Werror ${arg_FLAGS}
                -MD -MF "${object}.d" -c "${source}" -o "${object}"
            WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
            DEPENDS "${source}" "${flags}" DEPFILE "${object}.d"
            COMMENT "Compiling program ${name}" VERBATIM)
        list(APPEND objects "${object}")
    endforeach()
    # One file for the loader, whether the program has one source or many.
    add_custom_command(OUTPUT "${output}"
        COMMAND ld.lld -r ${objects} -o "${output}"
        DEPENDS ${objects} COMMENT "Linking program ${name}" VERBATIM)
    add_custom_target(program-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM program-${name})
endfunction()

file(GLOB programs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/*.c")
foreach(source IN LISTS programs)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_program(${name} "${source}")
endforeach()

# Tests in the kernel carry some of them, and two of their own (cmake/modules.cmake).
set(landing_pads_x86_64 -fcf-protection=branch)
set(landing_pads_aarch64 -mbranch-protection=bti)
halyard_add_program(test-sdk "${CMAKE_SOURCE_DIR}/tests/programs/sdk.c")
halyard_add_program(test-landing "${CMAKE_SOURCE_DIR}/tests/programs/landing.c"
    FLAGS ${landing_pads_${HALYARD_ARCH}})
set(test_programs "")
foreach(name exit compute threads spin crash test-sdk test-landing)
    list(APPEND test_programs "${CMAKE_BINARY_DIR}/programs/${name}.elf")
endforeach()

# The same samples, and what makes no sense as machine code, as portable programs: programs/NAME.wasm. Both
# machines run these very bytes.
set(portable_flags --target=wasm32-wasi -O2 -Wall -Wextra -Werror
    -I "${CMAKE_SOURCE_DIR}/programs/sdk/portable")
# halyard_add_portable_program(NAME SOURCE [flag...])
function(halyard_add_portable_program name source)
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.wasm")
    set(object "${CMAKE_BINARY_DIR}/programs/${name}.dir/${name}.wasm.o")
    # In two steps: if clang links with an optimisation level it passes the program through binaryen's
    # wasm-opt where that is installed, and names and code become others.
    add_custom_command(OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/programs/${name}.dir"
        COMMAND "${CMAKE_C_COMPILER}" ${portable_flags} ${ARGN} ${HALYARD_PATH_FLAGS}
            -MD -MF "${output}.d" -MT "${output}" -c "${source}" -o "${object}"
        COMMAND "${CMAKE_C_COMPILER}" --target=wasm32-wasi -Wl,--strip-debug "${object}" -o "${output}"
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
        DEPENDS "${source}" DEPFILE "${output}.d"
        COMMENT "Compiling portable program ${name}" VERBATIM)
    add_custom_target(portable-program-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM portable-program-${name})
endfunction()

foreach(name hello exit sha256 compute spin)
    halyard_add_portable_program(${name} "${CMAKE_SOURCE_DIR}/programs/${name}.c")
endforeach()
file(GLOB portable_programs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/portable/*.c")
foreach(source IN LISTS portable_programs)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_portable_program(${name} "${source}")
endforeach()

# Programs with threads: halyard_add_threaded_program(NAME SOURCE...). They are linked with the threads of
# programs/sdk/portable/threads, and their memory is shared.
set(threads_of_sdk "${CMAKE_SOURCE_DIR}/programs/sdk/portable/threads")
set(threads_link_flags "${CMAKE_BINARY_DIR}/programs/threads.flags")
add_custom_command(OUTPUT "${threads_link_flags}"
    COMMAND "${CMAKE_C_COMPILER}" -E -P -x c "${threads_of_sdk}/link.flags.in" -o "${threads_link_flags}"
    DEPENDS "${threads_of_sdk}/link.flags.in" "${threads_of_sdk}/wrapped.def"
    COMMENT "Making the linker's options for threads" VERBATIM)
add_custom_target(threads-link-flags DEPENDS "${threads_link_flags}")
function(halyard_add_threaded_program name)
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.wasm")
    set(folder "${CMAKE_BINARY_DIR}/programs/${name}.dir")
    set(objects "")
    foreach(source IN LISTS ARGN ITEMS "${threads_of_sdk}/threads.c" "${threads_of_sdk}/libc.c"
            "${threads_of_sdk}/libc_errno.c" "${threads_of_sdk}/start.c" "${threads_of_sdk}/start.s")
        get_filename_component(stem "${source}" NAME)
        set(object "${folder}/${stem}.wasm.o")
        set(flags ${portable_flags} -matomics -mbulk-memory -ftls-model=local-exec
            -Wno-unused-command-line-argument) # of the assembly
        if(stem STREQUAL "libc_errno.c") # it calls the C library, whose errno is not a thread's
            set(flags ${portable_flags})
        endif()
        set(depfile DEPFILE "${object}.d")
        if(stem MATCHES "\\.s$") # it includes nothing, and the compiler writes no such file
            set(depfile "")
        endif()
        add_custom_command(OUTPUT "${object}"
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${folder}"
            COMMAND "${CMAKE_C_COMPILER}" ${flags} ${HALYARD_PATH_FLAGS} -MD -MF "${object}.d" -MT "${object}"
                -c "${source}" -o "${object}"
            WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
            DEPENDS "${source}" ${depfile}
            COMMENT "Compiling portable program ${name}" VERBATIM)
        list(APPEND objects "${object}")
    endforeach()
    add_custom_command(OUTPUT "${output}"
        COMMAND "${CMAKE_C_COMPILER}" --target=wasm32-wasi "@${threads_link_flags}" -Wl,--strip-debug
            ${objects} -o "${output}"
        DEPENDS ${objects} threads-link-flags "${threads_link_flags}"
        COMMENT "Linking portable program ${name}" VERBATIM)
    add_custom_target(portable-program-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM portable-program-${name})
endfunction()

file(GLOB threaded_programs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/threaded/*.c")
foreach(source IN LISTS threaded_programs)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_threaded_program(${name} "${source}")
endforeach()

# Programs in C++: halyard_add_cxx_program(NAME SOURCE). They are linked with the exceptions of programs/sdk/portable/cxx.
set(cxx_of_sdk "${CMAKE_SOURCE_DIR}/programs/sdk/portable/cxx")
function(halyard_add_cxx_program name source)
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.wasm")
    set(folder "${CMAKE_BINARY_DIR}/programs/${name}.dir")
    set(objects "")
    foreach(part IN ITEMS "${source}" "${cxx_of_sdk}/exceptions.cpp")
        get_filename_component(stem "${part}" NAME)
        set(object "${folder}/${stem}.wasm.o")
        add_custom_command(OUTPUT "${object}"
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${folder}"
            COMMAND "${CMAKE_C_COMPILER}" --driver-mode=g++ ${portable_flags} -std=c++17 -fwasm-exceptions
                ${HALYARD_PATH_FLAGS} -MD -MF "${object}.d" -MT "${object}" -c "${part}" -o "${object}"
            WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
            DEPENDS "${part}" DEPFILE "${object}.d"
            COMMENT "Compiling portable program ${name}" VERBATIM)
        list(APPEND objects "${object}")
    endforeach()
    add_custom_command(OUTPUT "${output}"
        COMMAND "${CMAKE_C_COMPILER}" --driver-mode=g++ --target=wasm32-wasi -Wl,--strip-debug ${objects} -o "${output}"
        DEPENDS ${objects}
        COMMENT "Linking portable program ${name}" VERBATIM)
    add_custom_target(portable-program-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM portable-program-${name})
endfunction()

halyard_add_cxx_program(test-exceptions "${CMAKE_SOURCE_DIR}/tests/programs/cxx_exceptions.cpp")
file(GLOB cxx_programs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/cxx/*.cpp")
foreach(source IN LISTS cxx_programs)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_cxx_program(${name} "${source}")
endforeach()

# Commands: /bin on a plain shell's disk. Small, because each is compiled whenever it is run.
file(GLOB commands CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/commands/*.c")
foreach(source IN LISTS commands)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_portable_program(${name} "${source}" -Os)
endforeach()

halyard_add_threaded_program(test-threads "${CMAKE_SOURCE_DIR}/tests/programs/sdk_threads.c")

# Tests in the kernel carry it (tests/kernel/programs.S).
halyard_add_portable_program(test-calls "${CMAKE_SOURCE_DIR}/tests/programs/calls.c")
list(APPEND test_programs "${CMAKE_BINARY_DIR}/programs/test-calls.wasm")
