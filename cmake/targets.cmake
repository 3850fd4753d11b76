# SPDX-License-Identifier: MIT
#
# The words a person types: run debug debug-tui bench iso check docs format. (`test` is ctest's own.)
# Their options travel in the environment: ARGS="--smp 4" ninja run

set(scripts "${CMAKE_SOURCE_DIR}/scripts")

if(HALYARD_ARCH STREQUAL "host")
    foreach(name run debug debug-tui bench iso)
        add_custom_target(${name}
            COMMAND "${CMAKE_COMMAND}" -E echo "${name}: host-tests has no kernel: cmake --preset x86_64 or aarch64"
            COMMAND "${CMAKE_COMMAND}" -E false VERBATIM)
    endforeach()
elseif(TARGET halyard)
    set(runner_options ${HALYARD_ARCH} --preset ${HALYARD_PRESET} --build "${CMAKE_BINARY_DIR}"
        --no-build --options-from ARGS)
    set(runner "${scripts}/run" ${runner_options})
    # What a shell needs: scripts/run builds this, and the tests and benchmarks only if they are to run.
    get_property(system GLOBAL PROPERTY HALYARD_SYSTEM)
    add_custom_target(system DEPENDS halyard ${system})
    set(products system extension)
    if(HALYARD_ARCH STREQUAL "x86_64")
        list(APPEND products iso)
    endif()
    add_custom_target(run COMMAND ${runner} DEPENDS ${products} USES_TERMINAL VERBATIM)
    set(debugger "${scripts}/debug" ${runner_options})
    add_custom_target(debug COMMAND ${debugger} DEPENDS ${products} USES_TERMINAL VERBATIM)
    add_custom_target(debug-tui COMMAND ${debugger} --tui DEPENDS ${products} USES_TERMINAL VERBATIM)
    add_custom_target(bench COMMAND ${runner} --bench DEPENDS halyard extension USES_TERMINAL VERBATIM)

    # The tools that make the disc are needed only to boot from it. If they are installed, it is made by default.
    set(iso "${CMAKE_BINARY_DIR}/halyard.iso")
    set(tools xorriso mformat)
    if(HALYARD_ARCH STREQUAL "x86_64")
        list(APPEND tools grub-mkrescue)
        set(maker "${scripts}/lib/iso.py")
        set(content $<TARGET_FILE:halyard>)
    else()
        set(maker "${scripts}/lib/efidisc.py")
        set(content "${CMAKE_BINARY_DIR}/halyard.img")
    endif()
    set(extensions "${CMAKE_BINARY_DIR}/modules/tools.ko" "${CMAKE_BINARY_DIR}/modules/ext2w.ko")
    add_custom_command(OUTPUT "${iso}"
        COMMAND ${HALYARD_PYTHON} "${maker}" "${content}" "${iso}" ${extensions}
        DEPENDS halyard extension-tools extension-ext2w ${extensions} "${maker}" COMMENT "Making halyard.iso" VERBATIM)
    set(all ALL)
    foreach(tool IN LISTS tools)
        find_program(HALYARD_TOOL_${tool} ${tool})
        if(NOT HALYARD_TOOL_${tool})
            set(all "")
        endif()
    endforeach()
    add_custom_target(iso ${all} DEPENDS "${iso}")
endif()

add_custom_target(check
    COMMAND "${CMAKE_CTEST_COMMAND}" --output-on-failure -L layering USES_TERMINAL VERBATIM)
add_custom_target(docs
    COMMAND doxygen "${CMAKE_SOURCE_DIR}/Doxyfile"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" USES_TERMINAL VERBATIM)
add_custom_target(format
    COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/tests/layering/check.py" --fix
    USES_TERMINAL VERBATIM)
