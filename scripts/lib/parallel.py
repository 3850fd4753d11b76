# SPDX-License-Identifier: MIT
"""Run work on all of the host's CPUs; some of it needs all of them for itself."""
import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

PATIENCE_S = 600  # without any result: what still runs then hangs, or takes too long to wait for


def side_by_side(work, run, is_alone, patience_s=PATIENCE_S):
    """run(one) for each of `work`, as many at once as there are CPUs, and then one by one those that need all CPUs. The
    results come in that order, each as soon as it and those before it are available. If nothing ends for patience_s,
    the latter run beside what hangs, whose results come last. If the caller stops listening, for example by an
    interrupt, no further ones are started."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(run, one) for one in work if not is_alone(one)]
        try:
            ended = running = set(waiting)
            while running and ended:
                ended, running = wait(running, patience_s, FIRST_COMPLETED)
                while waiting and waiting[0].done():
                    yield waiting.pop(0).result()
            for future in [future for future in waiting if future.done()]:
                waiting.remove(future)
                yield future.result()
            for one in work:
                if is_alone(one):
                    yield run(one)
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
