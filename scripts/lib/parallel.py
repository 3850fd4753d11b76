# SPDX-License-Identifier: MIT
"""Run work on all of the host's CPUs; some of it needs all of them for itself."""
import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

PATIENCE_S = 600  # without any result: what still runs then hangs, or takes too long to wait for


def side_by_side(work, run, is_alone, patience_s=PATIENCE_S):
    """run(one) for each of `work`, as many at once as there are CPUs, and then one by one those that need all CPUs.
    Yields each result when it is available. If nothing ends for patience_s, the latter run beside what hangs, whose
    results come last. If the caller stops listening, for example by an interrupt, no further ones are started."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ended = running = {pool.submit(run, one) for one in work if not is_alone(one)}
        try:
            while running and ended:
                ended, running = wait(running, patience_s, FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
            for one in filter(is_alone, work):
                yield run(one)
            for future in as_completed(running):
                yield future.result()
        finally:
            for future in running:
                future.cancel()
