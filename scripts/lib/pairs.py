# SPDX-License-Identifier: MIT
"""Axes with values, and rows that cover every pair of values of two axes.

A row is a dictionary {axis: value}. A rule is a dictionary {axis: set of values}: a row that has one of the values on
each of the rule's axes is impossible.
"""
import collections
import itertools
import math


class Space:
    def __init__(self, axes, rules):
        """axes: {axis: [values]}, in the order of the table; rules as above."""
        self.axes = axes
        self.rules = rules

    def allows(self, row):
        """True if no rule is broken; `row` may be part of a row."""
        return not any(all(row.get(axis) in values for axis, values in rule.items()) for rule in self.rules)

    def complete(self, part, prefer=None):
        """A whole row that contains `part`, or None. prefer(row, axis) orders an axis's values."""
        if not self.allows(part):
            return None
        free = [axis for axis in self.axes if axis not in part]
        if not free:
            return part
        axis = free[0]
        values = prefer(part, axis) if prefer else self.axes[axis]
        for value in values:
            row = self.complete({**part, axis: value}, prefer)
            if row is not None:
                return row
        return None

    def pairs(self):
        """Every two values of two axes, as frozensets of (axis, value)."""
        for (a, a_values), (b, b_values) in itertools.combinations(self.axes.items(), 2):
            for pair in itertools.product(a_values, b_values):
                yield frozenset(((a, pair[0]), (b, pair[1])))

    def split_pairs(self):
        """(pairs that some row has, pairs that no row can have), each in order."""
        possible, impossible = [], []
        for pair in self.pairs():
            (possible if self.complete(dict(pair)) else impossible).append(pair)
        return possible, impossible

    def covering_rows(self):
        """Rows that together have every possible pair: few, chosen greedily, the same in every run."""
        left = dict.fromkeys(self.split_pairs()[0])
        used = collections.Counter()

        def cost(part, axis, value):  # most new pairs first; then the value that is rarest so far
            gain = sum(frozenset(((axis, value), other)) in left for other in part.items())
            return -gain, used[axis, value]

        def prefer(part, axis):
            return sorted(self.axes[axis], key=lambda value: cost(part, axis, value))

        rows = []
        while left:
            row = self.complete(dict(next(iter(left))), prefer)
            row = {axis: row[axis] for axis in self.axes}
            rows.append(row)
            used.update(row.items())
            for pair in pairs_of(row):
                left.pop(pair, None)
        return rows

    def size(self):
        """Number of rows of the product, including the impossible ones."""
        return math.prod(len(values) for values in self.axes.values())

    def product_row(self, number):
        """The row with that number in the product; it may be an impossible one."""
        row = {}
        for axis, values in self.axes.items():
            number, index = divmod(number, len(values))
            row[axis] = values[index]
        return row


def pairs_of(row):
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}
