# SPDX-License-Identifier: MIT
#
# The core library of C# programs, cil/mscorlib.dll, and the sample programs, programs/NAME.exe. Both machines run these
# very bytes. Without mcs (package mono-mcs) they are left out.

find_program(HALYARD_MCS mcs)
if(NOT HALYARD_MCS)
    message(STATUS "mcs is not installed: the build has no C# programs")
    return()
endif()

set(assembly_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/assembly.py")
set(assembly_flags -noconfig -nostdlib -langversion:7.2 -optimize -warnaserror)
set(core_library "${CMAKE_BINARY_DIR}/cil/mscorlib.dll")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/cil" "${CMAKE_BINARY_DIR}/programs")

file(GLOB core_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/lib/cil/*.cs")
# 1718: x != x is how a NaN is found.
add_custom_command(OUTPUT "${core_library}"
    COMMAND ${assembly_tool} "${core_library}" ${assembly_flags} -unsafe -nowarn:1718
        -runtimemetadataversion:v4.0.30319 -t:library ${core_sources}
    DEPENDS ${core_sources} "${CMAKE_SOURCE_DIR}/scripts/lib/assembly.py"
    COMMENT "Compiling mscorlib.dll" VERBATIM)
add_custom_target(core-library ALL DEPENDS "${core_library}")
set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM core-library)

file(GLOB samples CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/programs/dotnet/*.cs")
foreach(source IN LISTS samples)
    get_filename_component(name "${source}" NAME_WE)
    set(output "${CMAKE_BINARY_DIR}/programs/${name}.exe")
    add_custom_command(OUTPUT "${output}"
        COMMAND ${assembly_tool} "${output}" ${assembly_flags} "-r:${core_library}" "${source}"
        DEPENDS "${source}" "${core_library}" "${CMAKE_SOURCE_DIR}/scripts/lib/assembly.py"
        COMMENT "Compiling C# program ${name}" VERBATIM)
    add_custom_target(dotnet-program-${name} ALL DEPENDS "${output}")
    set_property(GLOBAL APPEND PROPERTY HALYARD_SYSTEM dotnet-program-${name})
endforeach()
