# SPDX-License-Identifier: MIT
#
# The warnings that every C file of the project is compiled with. All are errors.
set(HALYARD_WARNINGS
    -Wall -Wextra -Werror
    -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
    -Wimplicit-fallthrough -Wthread-safety)
