"""Suppression: which counts of a report may be told, so that no count of 1 to 10 can be worked out from it.

A small count is told as "<11". That alone would not do: of 1,000 cases of which 993 are told elsewhere, 7 are left. So
every number stands in a Sheet beside those that it leans on: totals and their parts, sets that lie within other sets,
and the differences between these, which are counts as well though nobody prints them. More counts are hidden ("11+")
until this is so: for every count of 1 to 10 there is a cohort, in whole people, in which it is 1, and one in which it
is 10, that agree with all that is told; for every such difference one in which it is 10, and one in which it is half
of what it is. All numbers together then say no more of a count than "<11" does. Where even these words would say too
much, as of the parts of a small whole, nothing is told ("hidden").

Source:  the threshold of the Centers for Medicare & Medicaid Services (cell size suppression policy); complementary
         suppression by linear programs after Kelly, Golden and Assad (1992), here with whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Count = int | str
Key = Hashable
THRESHOLD = 11
SMALL = "<11"
"""A count of 1 to 10."""
LARGE = "11+"
"""A count of 11 or more, hidden so that a small one cannot be worked out from it."""
HIDDEN = "hidden"
"""A count of which nothing is told, not even whether it is small."""

_REACH = 20  # how far a count may move in the cohorts that are weighed; a small one moves by 9 at most
_LAST = 100  # a nought is told, unless nothing else will do
_REWARD = 0.001
_NODES = 1_000
_WHOLE, _HALF = 1e-6, 0.5
_FIXED, _TOLD, _UNTOLD = "fixed", "told", "untold"


def is_small(count: int) -> bool:
    """Whether a count is about so few people that they might be known."""
    return 0 < count < THRESHOLD


@dataclass
class _Cell:
    """A count, what is told of it, how much it would be missed, and by how much it must be able to move."""

    value: int
    mark: str
    weight: float = 0.0
    needs: tuple[int, ...] = ()

    def stretches(self) -> list[tuple[int, int, float]]:
        """By how much it may differ from what it is, and what each unit costs: first what its mark leaves open, then
        what would be open with more hidden; hiding costs more for what matters more, and for what is larger."""
        down, up = max(-self.value, -_REACH), _REACH
        if self.mark in (_UNTOLD, HIDDEN):
            return [(down, up, 0.0)]
        if self.mark == SMALL:
            low, high = 1 - self.value, THRESHOLD - 1 - self.value
            return [(low, high, 0.0), (-1, 0, self.weight), (0, up, self.weight)]
        if not self.value:
            return [(0, up, _LAST * self.weight)]
        free, cost = max(THRESHOLD - self.value, down), self.weight * math.log2(self.value)
        if self.mark == LARGE:
            return [(free, up, 0.0), (down - free, 0, cost)]
        return [(free, 0, cost), (0, up, cost), (down - free, 0, 2 * cost)]

    def after(self, move: int) -> str:
        """What may be told of it when it must be able to move so."""
        value = self.value + move
        if not move or self.mark in (_UNTOLD, HIDDEN):
            return self.mark
        if self.mark == SMALL:
            return SMALL if is_small(value) else HIDDEN
        return LARGE if self.value and value >= THRESHOLD else HIDDEN


class Sheet:
    """Counts, and how they hang together; `told` says what may be told of each.

    >>> sheet = Sheet()
    >>> sheet.fixed("all", 1000)
    >>> for name, value in {"a": 700, "b": 293, "c": 7}.items():
    ...     sheet.count(name, value)
    >>> sheet.total("all", "abc")
    >>> sheet.told()
    {'all': 1000, 'a': 700, 'b': '11+', 'c': '<11'}
    """

    def __init__(self) -> None:
        self._cells: list[_Cell] = []
        self._place: dict[Key, int] = {}
        self._relations: list[tuple[tuple[int, int], ...]] = []
        self._at: list[list[int]] = []

    def fixed(self, key: Key, value: int) -> None:
        """A count that is told whatever else must be hidden for it."""
        if key not in self._place:
            self._place[key] = self._add(_Cell(value, _FIXED))

    def count(self, key: Key, value: int, weight: float = 1.0) -> None:
        """A count that may be hidden; what has little weight is hidden first."""
        mark, needs = (SMALL, _both_ends(value)) if is_small(value) else (_TOLD, ())
        self._place[key] = self._add(_Cell(value, mark, weight, needs))

    def kept(self, key: Key, value: int) -> None:
        """A count that is hidden from the outset, because a set that it lies in is: it may not be known to be large."""
        needs = _both_ends(value) if is_small(value) else (1 - THRESHOLD,)
        self._place[key] = self._add(_Cell(value, HIDDEN, needs=needs if value else ()))

    def total(self, whole: Key, parts: Iterable[Key]) -> None:
        """That the parts make up the whole, and share nobody."""
        self._relate([(self._place[whole], 1), *((self._place[part], -1) for part in parts)])

    def union(self, whole: Key, parts: Iterable[Key]) -> None:
        """That everybody of the whole is in one of the parts at least."""
        terms = [(self._place[part], 1) for part in parts]
        self._differ([*terms, (self._place[whole], -1)], lambda value: ())

    def follows(self, terms: Mapping[Key, int], seen: bool = False) -> None:
        """That a sum of counts is a count of people too, which may not be known to be small.

        Args:    seen: where it is nought, anybody knows that.
        """
        self._differ([(self._place[key], sign) for key, sign in terms.items()], _open_difference, seen)

    def told(self) -> dict[Key, Count]:
        """What may be told of each count: itself, "<11", "11+", or "hidden"."""
        self._protect()
        cells = {key: self._cells[i] for key, i in self._place.items()}
        return {key: cell.value if cell.mark in (_FIXED, _TOLD) else cell.mark for key, cell in cells.items()}

    def _add(self, cell: _Cell) -> int:
        self._cells.append(cell)
        self._at.append([])
        return len(self._cells) - 1

    def _relate(self, terms: Sequence[tuple[int, int]]) -> None:
        if sum(sign * self._cells[i].value for i, sign in terms):
            raise ValueError("a whole is not the sum of its parts")
        for i, _ in terms:
            self._at[i].append(len(self._relations))
        self._relations.append(tuple(terms))

    def _differ(
        self, terms: Sequence[tuple[int, int]], needs: Callable[[int], tuple[int, ...]], seen: bool = False
    ) -> None:
        """A sum as a count that is never printed, where any cohort that is weighed here could use it up."""
        value = sum(sign * self._cells[i].value for i, sign in terms)
        if 0 <= value < _REACH * len(terms):
            cell = _Cell(value, _FIXED if seen and not value else _UNTOLD, needs=needs(value))
            self._relate([*terms, (self._add(cell), -1)])

    # ---- the cohorts that give the same report ----

    def _protect(self) -> None:
        """Hide counts until each that needs it can move as far as it needs."""
        pending = {(i, need) for i, cell in enumerate(self._cells) if self._at[i] for need in cell.needs if need}
        while pending:
            i, need = min(pending)
            world = self._world(i, need, pending)
            for j, move in world.items():
                self._cells[j].mark = self._cells[j].after(move)
            pending = {(j, move) for j, move in pending if not _reaches(world.get(j, 0), move)}

    def _world(self, i: int, need: int, pending: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Another cohort, as what moves in it, in which a count moves as it needs and all that is told stays.

        Returns: the one for which the least must be hidden in addition, and in which others move too as they need,
                 where that is free. What is hidden later leaves it standing.
        """
        rewards = {j: math.copysign(_REWARD, move) for j, move in pending if (move > 0) == (need > 0)}
        program = _Program()
        cells = self._linked(i)
        for j in cells:
            program.cell(j, [(need, need, 0.0)] if j == i else self._cells[j].stretches(), rewards.get(j, 0.0))
        for relation in sorted({relation for j in cells for relation in self._at[j]}):
            program.balance([(j, sign) for j, sign in self._relations[relation] if self._cells[j].mark != _FIXED])
        return program.solved()

    def _linked(self, i: int) -> list[int]:
        """The counts that may have to move when this one does, in order."""
        found, heap = {i}, [i]
        while heap:
            for relation in self._at[heap.pop()]:
                for j, _ in self._relations[relation]:
                    if j not in found and self._cells[j].mark != _FIXED:
                        found.add(j)
                        heap.append(j)
        return sorted(found)


def _both_ends(value: int) -> tuple[int, ...]:
    """How a small count moves to 10, and to 1."""
    return THRESHOLD - 1 - value, 1 - value


def _open_difference(value: int) -> tuple[int, ...]:
    """How a small count that is not printed moves to 10, and to half of what it is."""
    return (THRESHOLD - 1 - value, -(value // 2)) if is_small(value) else ()


def _reaches(move: int, need: int) -> bool:
    return move >= need > 0 or move <= need < 0


class _Program:
    """A program in whole numbers: the least to hide so that the moves of all cells balance."""

    def __init__(self) -> None:
        self._columns: dict[int, list[int]] = {}
        self._low: list[int] = []
        self._high: list[int] = []
        self._costs: list[float] = []
        self._rows: list[list[tuple[int, int]]] = []

    def cell(self, name: int, stretches: Iterable[tuple[int, int, float]], reward: float) -> None:
        """A cell that moves between bounds; each unit of a stretch costs so much, whichever way it goes."""
        self._columns[name] = []
        for low, high, cost in stretches:
            self._columns[name].append(len(self._low))
            self._low.append(low)
            self._high.append(high)
            self._costs.append((cost if low >= 0 else -cost) - reward)

    def balance(self, terms: Iterable[tuple[int, int]]) -> None:
        """That the moves of these cells add up to nought."""
        self._rows.append([(column, sign) for name, sign in terms for column in self._columns[name]])

    def solved(self) -> dict[int, int]:
        """The move of every cell that moves, in whole numbers.

        Errors:  ArithmeticError where there is none.
        """
        # A linear program is nearly always whole by itself. Where it is not, it is parted at a fraction.
        open_ = [(self._low, self._high)]
        for _ in range(_NODES):
            if not open_:
                break
            low, high = open_.pop()
            found = self._solved(low, high)
            fraction = next((i for i, value in enumerate(found) if abs(value - round(value)) > _WHOLE), None)
            if fraction is not None:
                down = math.floor(found[fraction])
                halves = [(low, _with(high, fraction, down)), (_with(low, fraction, down + 1), high)]
                open_ += halves if found[fraction] - down > _HALF else halves[::-1]
            elif found and self._balances(moves := [round(value) for value in found]):
                every = {name: sum(moves[column] for column in columns) for name, columns in self._columns.items()}
                return {name: move for name, move in every.items() if move}
        raise ArithmeticError("no cohort in whole numbers agrees with what is told")

    def _balances(self, moves: Sequence[int]) -> bool:
        return not any(sum(sign * moves[column] for column, sign in row) for row in self._rows)

    def _solved(self, low: Sequence[int], high: Sequence[int]) -> list[float]:
        """The best moves between these bounds, fractions allowed; none where there are none."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        ends = np.cumsum([0, *(len(row) for row in self._rows)])
        columns = [column for row in self._rows for column, _ in row]
        signs = [sign for row in self._rows for _, sign in row]
        matrix = csr_array((signs, columns, ends), shape=(len(self._rows), len(self._low)), dtype=float)
        bounds = np.column_stack((low, high))
        answer = linprog(self._costs, A_eq=matrix, b_eq=np.zeros(len(self._rows)), bounds=bounds, method="highs")
        return [] if answer.x is None else list(answer.x)


def _with(bounds: Sequence[int], i: int, bound: int) -> list[int]:
    return [*bounds[:i], bound, *bounds[i + 1 :]]
