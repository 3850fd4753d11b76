# SPDX-License-Identifier: MIT
"""Work for all of the host's CPUs, some of which wants them alone."""
import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

PATIENCE_S = 600  # without any result: what still runs then hangs, or takes so long that nothing waits for it


def side_by_side(work, run, is_alone, patience_s=PATIENCE_S):
    """run(one) of each of `work`, as many at once as there are CPUs, and then one by one those that are to be alone.
    The results come in that order, each as soon as it and those before it are there. If nothing ends for patience_s,
    those that are to be alone run beside what hangs, whose results come last. If the caller stops listening, by an
    interrupt for example, no more of them start."""
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
