# SPDX-License-Identifier: MIT
"""Compress short strings that have many parts in common: names and paths.

The result is a grammar. A code below CHARACTERS is a character; each further code stands for a pair of codes. The most
frequent pair of adjacent codes becomes a new code until all codes are used (Larsson and Moffat, "Off-line
dictionary-based compression", 1999).
"""
import collections
import heapq

CHARACTERS = 128
GAP = -1  # between two strings, so that no pair reaches over it


class _Sequence:
    """A list of codes whose elements can be joined, and where each pair of adjacent codes lies."""

    def __init__(self, strings):
        self.codes = [code for string in strings for code in (*string.encode("ascii"), 0, GAP)]
        count = len(self.codes)
        self.before, self.after = list(range(-1, count - 1)), list(range(1, count + 1))
        self.where = collections.defaultdict(set)
        for at in range(count - 1):
            self._note(at, set())

    def _pair(self, at):
        if at < 0 or self.codes[at] == GAP or self.after[at] >= len(self.codes):
            return None
        second = self.codes[self.after[at]]
        return None if second == GAP else (self.codes[at], second)

    def _note(self, at, changed):
        pair = self._pair(at)
        if pair is not None:
            self.where[pair].add(at)
            changed.add(pair)

    def _forget(self, at):
        pair = self._pair(at)
        if pair is not None:
            self.where[pair].discard(at)

    def join(self, pair, code):
        """Replace each occurrence of the pair by the code. Returns the pairs that became more frequent."""
        changed = set()
        for at in sorted(self.where[pair]):
            if self._pair(at) != pair:
                continue  # it overlapped with the occurrence before it
            second = self.after[at]
            for place in (self.before[at], at, second):
                self._forget(place)
            self.codes[at] = code
            self.after[at] = self.after[second]
            if self.after[at] < len(self.codes):
                self.before[self.after[at]] = at
            self.codes[second] = None
            self._note(self.before[at], changed)
            self._note(at, changed)
        return changed

    def strings(self):
        found, at = [[]], 0
        while at < len(self.codes):
            if self.codes[at] == GAP:
                found.append([])
            else:
                found[-1].append(self.codes[at])
            at = self.after[at]
        return found[:-1]


def compress(strings, code_count, depth_max):
    """(pairs, codes of each string, first final code). A string ends with its first code that is 0 or at least the
    first final code. Expanding a code needs a stack of at most depth_max codes."""
    sequence, pairs, depths = _Sequence(strings), [], [1] * CHARACTERS
    heap = [(-len(places), pair) for pair, places in sequence.where.items()]
    heapq.heapify(heap)
    while heap and CHARACTERS + len(pairs) < code_count:
        count, pair = heapq.heappop(heap)
        count_now = len(sequence.where[pair])
        # The left code is expanded while the right one waits.
        depth = max(depths[pair[0]] + 1, depths[pair[1]])
        if depth > depth_max or count_now < 3:
            continue
        if count_now != -count:
            heapq.heappush(heap, (-count_now, pair))
            continue
        for changed in sequence.join(pair, CHARACTERS + len(pairs)):
            heapq.heappush(heap, (-len(sequence.where[changed]), changed))
        pairs.append(pair)
        depths.append(depth)
    return _final_last(pairs, sequence.strings())


def _final_last(pairs, strings):
    """Number the codes anew, those that end a string last."""
    final = [True] + [False] * (CHARACTERS - 1)
    for _, second in pairs:
        final.append(final[second])
    order = sorted(range(CHARACTERS, CHARACTERS + len(pairs)), key=lambda code: (final[code], code))
    number = {code: CHARACTERS + index for index, code in enumerate(order)}
    number.update((code, code) for code in range(CHARACTERS))
    first_final = CHARACTERS + sum(not final[code] for code in order)
    renumbered = [tuple(number[part] for part in pairs[code - CHARACTERS]) for code in order]
    return renumbered, [[number[code] for code in string] for string in strings], first_final
