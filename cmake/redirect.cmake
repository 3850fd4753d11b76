# SPDX-License-Identifier: MIT
#
# halyard_redirect(TARGET OLD=NEW... EXPECT N): after TARGET is linked, scripts/redirect leads all direct calls of each
# OLD to NEW. The build fails, and the program is deleted, if a function is missing or if there are not N calls in all:
# a program that calls a function that was to be replaced must not be used. docs/redirect.md

set(HALYARD_REDIRECT_FOLDER "${CMAKE_CURRENT_LIST_DIR}/../scripts/lib")

function(halyard_redirect target)
    cmake_parse_arguments(PARSE_ARGV 1 redirect "" "EXPECT" "")
    set(pairs ${redirect_UNPARSED_ARGUMENTS})
    if(NOT redirect_EXPECT MATCHES "^[0-9]+$" OR NOT pairs)
        message(FATAL_ERROR "halyard_redirect(TARGET OLD=NEW... EXPECT N): pairs or the expected number of calls are missing")
    endif()
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${HALYARD_PYTHON} "${HALYARD_REDIRECT_FOLDER}/redirect.py" --delete-on-failure
            --expect ${redirect_EXPECT} $<TARGET_FILE:${target}> ${pairs}
        VERBATIM)
    file(GLOB tool CONFIGURE_DEPENDS "${HALYARD_REDIRECT_FOLDER}/redirect*.py")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${tool})
endfunction()
