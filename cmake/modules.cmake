# SPDX-License-Identifier: MIT
#
# Drivers as modules: relocatable objects that `load` takes from /lib/modules. The flags are in
# modules/cflags.<machine>, which modules/README.md's one line for a driver of one's own names, too.

# Compile one source of a module. The options after OUTPUT go to the compiler.
function(halyard_module_object source output)
    set(flags "${CMAKE_SOURCE_DIR}/modules/cflags.${HALYARD_ARCH}")
    set(debug "")
    if(CMAKE_BUILD_TYPE STREQUAL "Debug") # locks are larger there: export.h's DRIVER_INTERFACE differs, too
        set(debug -DHALYARD_DEBUG=1)
    endif()
    get_filename_component(folder "${output}" DIRECTORY)
    file(RELATIVE_PATH shown "${CMAKE_SOURCE_DIR}" "${source}")
    add_custom_command(OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${folder}"
        # The absolute -I comes first: the dependency file then names headers as ninja knows them.
        COMMAND "${CMAKE_C_COMPILER}" -I "${CMAKE_SOURCE_DIR}" -I "${CMAKE_SOURCE_DIR}/arch/${HALYARD_ARCH}/include"
            "@${flags}" ${debug} ${HALYARD_PATH_FLAGS} ${HALYARD_WARNINGS} ${ARGN}
            -MD -MF "${output}.d" -c "${source}" -o "${output}"
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
        DEPENDS "${source}" "${flags}" "${CMAKE_SOURCE_DIR}/modules/module.h" DEPFILE "${output}.d"
        COMMENT "Compiling module ${shown}" VERBATIM)
endfunction()

# Every module lies on the disk of a plain shell, so scripts/run builds it.
function(halyard_module_target name output)
    add_custom_target(module-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM module-${name})
endfunction()

# halyard_add_module(NAME SOURCE): modules/NAME.ko in the build directory, from one file.
function(halyard_add_module name source)
    set(output "${CMAKE_BINARY_DIR}/modules/${name}.ko")
    halyard_module_object("${source}" "${output}" ${ARGN})
    halyard_module_target(${name} "${output}")
endfunction()

# The same from all files of a folder, which link into one object.
function(halyard_add_module_folder name folder)
    set(output "${CMAKE_BINARY_DIR}/modules/${name}.ko")
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.c")
    set(objects "")
    foreach(source IN LISTS sources)
        get_filename_component(object "${source}" NAME_WE)
        set(object "${CMAKE_BINARY_DIR}/modules/${name}/${object}.o")
        halyard_module_object("${source}" "${object}")
        list(APPEND objects "${object}")
    endforeach()
    add_custom_command(OUTPUT "${output}" COMMAND ld.lld -r ${objects} -o "${output}"
        DEPENDS ${objects} COMMENT "Linking module ${name}" VERBATIM)
    halyard_module_target(${name} "${output}")
endfunction()

foreach(source IN LISTS HALYARD_MODULES)
    get_filename_component(name "${source}" NAME_WE)
    halyard_add_module(${name} "${source}")
    list(APPEND test_programs "${CMAKE_BINARY_DIR}/modules/${name}.ko")
endforeach()
foreach(folder IN LISTS HALYARD_MODULE_FOLDERS)
    get_filename_component(name "${folder}" NAME)
    halyard_add_module_folder(${name} "${folder}")
endforeach()

# Tests in the kernel carry the modules of one file, too.
set_source_files_properties("${CMAKE_SOURCE_DIR}/tests/kernel/programs.S" PROPERTIES
    OBJECT_DEPENDS "${test_programs}"
    INCLUDE_DIRECTORIES "${CMAKE_BINARY_DIR}")
