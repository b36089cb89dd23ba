"""Filters: which events, and which visits, a report is about. docs/metrics.md says what each operator means.

A filter is written as lists, as JSON has them: ``["and", ["is", "country", ["DE", "AT"]], ["matches", "page",
"/blog/*"]]``. :func:`parse` checks one and makes the tree that :mod:`footfall.reports.choosing` evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from footfall.errors import UsageError
from footfall.reports.dimensions import PROP, Dimension, as_text, dimension

#: Filters within filters: more would be a mistake, or an attack on the stack.
DEEPEST = 32


@dataclass(frozen=True)
class Leaf:
    """A condition on one dimension: any of some values, or, negated, none of them."""

    dimension: Dimension
    test: str
    values: tuple[str, ...]
    negated: bool

    @property
    def of_visit(self) -> bool:
        """Whether all events of a visit satisfy it or none."""
        return self.dimension.kind in ("visit", "end")

    def satisfied(self) -> Callable[[str], bool]:
        """Return the function that tells whether a value, not a missing one, satisfies the condition."""
        matches = TESTS[self.test](self.values)
        return (lambda value: not matches(value)) if self.negated else matches


@dataclass(frozen=True)
class Every:
    """All of some filters."""

    parts: tuple[Filter, ...]

    @property
    def of_visit(self) -> bool:
        """Whether all events of a visit satisfy it or none."""
        return all(part.of_visit for part in self.parts)


@dataclass(frozen=True)
class Some:
    """At least one of some filters."""

    parts: tuple[Filter, ...]

    @property
    def of_visit(self) -> bool:
        """Whether all events of a visit satisfy it or none."""
        return all(part.of_visit for part in self.parts)


@dataclass(frozen=True)
class Without:
    """What does not satisfy a filter."""

    part: Filter

    @property
    def of_visit(self) -> bool:
        """Whether all events of a visit satisfy it or none."""
        return self.part.of_visit


@dataclass(frozen=True)
class InVisit:
    """Every event of the visits that a filter chooses."""

    part: Filter
    of_visit = True


Filter = Leaf | Every | Some | Without | InVisit


def _equal(values: tuple[str, ...]) -> Callable[[str], bool]:
    return frozenset(values).__contains__


def _containing(values: tuple[str, ...]) -> Callable[[str], bool]:
    wanted = [value.casefold() for value in values]

    def contains(text: str) -> bool:
        folded = text.casefold()
        return any(value in folded for value in wanted)

    return contains


def _matching(values: tuple[str, ...]) -> Callable[[str], bool]:
    patterns = [value.split("*") for value in values]
    return lambda text: any(_matches(pieces, text) for pieces in patterns)


def _matches(pieces: list[str], text: str) -> bool:
    """Tell whether a text is these pieces with anything between them."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *inner, last = pieces
    place, end = len(first), len(text) - len(last)
    if place > end or not text.startswith(first) or not text.endswith(last):
        return False
    # The leftmost place is always the best, and takes time in proportion to the text: regular expressions would not.
    for piece in inner:
        place = text.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


TESTS: Mapping[str, Callable[[tuple[str, ...]], Callable[[str], bool]]] = {
    "is": _equal, "contains": _containing, "matches": _matching,
}
#: The operators on a dimension: test, and whether a value must fail it.
OPERATORS: Mapping[str, tuple[str, bool]] = {
    "is": ("is", False), "is_not": ("is", True), "in": ("is", False),
    "contains": ("contains", False), "not_contains": ("contains", True),
    "matches": ("matches", False), "not_matches": ("matches", True),
}
_WORDS = (*OPERATORS, "and", "or", "not", "visit")


def parse(form: object, *, name: str = "where") -> Filter:
    """Return the filter that lists describe.

    :param form: as JSON has it; tuples do as well as lists.
    :param name: what errors call it.
    :raises UsageError: it is none.
    """
    return _parse(form, name, depth=0, in_visit=False)


def _parse(form: object, name: str, *, depth: int, in_visit: bool) -> Filter:
    if not isinstance(form, list | tuple) or not form:
        raise UsageError(f"{name} {form!r}: must be a list that begins with one of {', '.join(_WORDS)}")
    if depth > DEEPEST:
        raise UsageError(f"{name}: filters within filters, deeper than {DEEPEST}; write fewer")
    word, *arguments = form
    if isinstance(word, str) and word in OPERATORS:
        return _leaf(word, arguments, name)
    if word not in ("and", "or", "not", "visit"):
        raise UsageError(f"{name}: operator {word!r}: unknown; use {', '.join(_WORDS)}")
    if not arguments or (word in ("not", "visit") and len(arguments) != 1):
        raise UsageError(f"{name}: {word!r} with {len(arguments)} filters; give "
                         f"{'one' if word in ('not', 'visit') else 'one or more'}")
    if word == "visit" and in_visit:
        raise UsageError(f"{name}: 'visit' within 'visit'; write one only")
    parts = tuple(_parse(part, name, depth=depth + 1, in_visit=in_visit or word == "visit") for part in arguments)
    if word == "and":
        return Every(parts)
    if word == "or":
        return Some(parts)
    return Without(parts[0]) if word == "not" else InVisit(parts[0])


def _leaf(word: str, arguments: list[object], name: str) -> Leaf:
    if len(arguments) != 2:
        raise UsageError(f"{name}: {word!r} with {len(arguments)} arguments; give a dimension, and a value or a list")
    wanted = dimension(arguments[0])
    if wanted.kind == "time":
        raise UsageError(f"{name}: {wanted.name!r} is a time, which cannot be filtered; use since and until")
    given = arguments[1]
    if word == "in" and not isinstance(given, list | tuple):
        raise UsageError(f"{name}: 'in' with {given!r}; give a list, or use 'is'")
    values = given if isinstance(given, list | tuple) else (given,)
    return Leaf(wanted, OPERATORS[word][0], tuple(_value(value, wanted, name) for value in values), OPERATORS[word][1])


def _value(value: object, wanted: Dimension, name: str) -> str:
    is_property = wanted.name.startswith(PROP)
    if isinstance(value, str):
        return value
    if is_property and isinstance(value, bool | int | float):
        return str(as_text(value))
    allowed = "text, a number, true or false" if is_property else "text"
    raise UsageError(f"{name}: value {value!r} of {wanted.name!r}: must be {allowed}")
