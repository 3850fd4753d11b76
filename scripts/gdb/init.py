# SPDX-License-Identifier: MIT
"""What gdb reads to understand Halyard: `gdb-multiarch halyard.elf -x scripts/gdb/init.py`.

scripts/debug does that and starts the guest as well. `help halyard` lists the commands.
"""
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # gdb may run as another user than the tree's owner
sys.path.insert(0, str(Path(__file__).resolve().parent))

import gdb  # noqa: E402
import halyard  # noqa: E402

halyard.register()
gdb.execute(f"directory {Path(__file__).resolve().parents[2]}", to_string=True)  # names in DWARF start there
