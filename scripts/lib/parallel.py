# SPDX-License-Identifier: MIT
"""Work for all of the host's CPUs, some of which wants them alone."""
import os
from concurrent.futures import ThreadPoolExecutor


def side_by_side(work, run, is_alone):
    """run(one) of each of `work`, as many at once as there are CPUs, and then one by one those that are to be alone.
    The results come in that order, each as soon as it and those before it are there. Whoever stops listening, by an
    interrupt for one, starts no more of them."""
    together = [one for one in work if not is_alone(one)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(run, together)
    for one in work:
        if is_alone(one):
            yield run(one)
