# SPDX-License-Identifier: MIT
#
# The tests of one preset, for ctest. scripts/test runs the same suites and counts their points.

set(check ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/tests/layering/check.py")
set(layering includes front-ends orders length licence format prose comments names docs)
foreach(name IN LISTS layering)
    add_test(NAME layering.${name} COMMAND ${check} ${name})
endforeach()

if(HALYARD_ARCH STREQUAL "host")
    add_test(NAME layering.fake COMMAND ${check} fake --host "${CMAKE_BINARY_DIR}")
    list(APPEND layering fake)

    foreach(engine interpreter optimised host lazy)
        add_test(NAME conformance.wasm-spec-${engine}
            COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/wasmspec.py" run
                "${CMAKE_BINARY_DIR}/wasm-spec" ${engine} "${CMAKE_BINARY_DIR}/conformance")
        add_test(NAME conformance.wasm3-${engine}
            COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/wasm3.py" run
                "${CMAKE_BINARY_DIR}/wasm-spec" ${engine} "${CMAKE_BINARY_DIR}/conformance")
        set_tests_properties(conformance.wasm-spec-${engine} conformance.wasm3-${engine} PROPERTIES
            LABELS conformance TIMEOUT 600)
    endforeach()

    foreach(suite "public;conformance" "own;wasi")
        list(GET suite 0 what)
        list(GET suite 1 folder)
        add_test(NAME conformance.wasi-${what}-interpreter
            COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/wasisuite.py" ${what}
                "${CMAKE_BINARY_DIR}/halyard-wasm" interpreter "${CMAKE_BINARY_DIR}/${folder}")
        set_tests_properties(conformance.wasi-${what}-interpreter PROPERTIES LABELS conformance TIMEOUT 600)
    endforeach()

    add_test(NAME oracle.modules
        COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/oracle.py" check "${CMAKE_BINARY_DIR}")
    set_tests_properties(oracle.modules PROPERTIES LABELS oracle TIMEOUT 600)
elseif(NOT HALYARD_ARCH STREQUAL "tools")
    foreach(name calls headers symbols)
        add_test(NAME layering.${name}
            COMMAND ${check} ${name} --build "${CMAKE_BINARY_DIR}" --machine ${HALYARD_ARCH})
        list(APPEND layering ${name})
    endforeach()

    add_test(NAME guest COMMAND "${CMAKE_SOURCE_DIR}/scripts/run" ${HALYARD_ARCH} --preset ${HALYARD_PRESET}
        --build "${CMAKE_BINARY_DIR}" --no-build --no-install --timeout 300 --test)
    set_tests_properties(guest PROPERTIES LABELS guest)

    file(GLOB smoke CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/smoke/test_*.py")
    foreach(file IN LISTS smoke)
        get_filename_component(name "${file}" NAME_WE)
        add_test(NAME smoke.${name} COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/suite.py" "${file}"
            --machine ${HALYARD_ARCH} --build "${CMAKE_BINARY_DIR}")
        set_tests_properties(smoke.${name} PROPERTIES LABELS smoke TIMEOUT 900)
    endforeach()
endif()
list(TRANSFORM layering PREPEND "layering.")
set_tests_properties(${layering} PROPERTIES LABELS layering)
