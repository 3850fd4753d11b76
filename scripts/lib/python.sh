# SPDX-License-Identifier: MIT
# The scripts in the folder above source this. It finds Debian's own python3, which has the packaged modules, and
# installs it on a machine without one. All other code is Python.
lib=$(dirname "$(readlink -f "$0")")/lib
PYTHON=/usr/bin/python3
if [ ! -x "$PYTHON" ]; then
    PYTHON=$(command -v python3) || PYTHON=
fi
if [ -z "$PYTHON" ]; then
    name=$(basename "$0")
    echo "$name: missing packages: python3" >&2
    case " $* " in *" --no-install "*) echo "$name: not run" >&2; exit 125 ;; esac
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends python3; } >&2; then
        echo "$name: not run" >&2
        exit 125
    fi
    PYTHON=/usr/bin/python3
fi
