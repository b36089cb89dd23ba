"""Calls run side by side on an executor: results in order, errors with their place, a dead worker's calls again.

::

    for result in run(calls, ThreadPoolExecutor(4)): ...
    for result in run(calls, loky.get_reusable_executor): ...

To another process a call travels by cloudpickle, where that is installed, and so does what comes back: functions
and classes that were typed at a shell travel too, and an error is the same whatever the executor makes of errors.
"""

from __future__ import annotations

import importlib.util
import pickle
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any, Protocol

from footfall.errors import FootfallError, UsageError

#: Calls that are handed over and whose results were not taken: enough for the workers of a large cluster, and a
#: bound to the results that wait for an earlier one.
AHEAD = 256
#: How often a call is tried whose executors break, before it counts as what breaks them.
ATTEMPTS = 3


class Call(Protocol):
    """What can be run: it is called without arguments, and pickles if it is to run in another process."""

    @property
    def name(self) -> str:
        """What an error is said to have come from, such as ``row 20260101.blog of PageViews``."""

    def __call__(self) -> Any: ...


def run(calls: Sequence[Call], executor: Executor | Callable[[], Executor] | None) -> Iterator[Any]:
    """Yield what calls return, in their order.

    :param executor: ``None`` to run them here, one after the other; an executor; or a function that gives one, and
        another one when the death of a worker broke the first.
    :raises UsageError: ``executor`` is none of these, or a call or its result cannot be sent to another process.
    :raises BrokenExecutor: a worker died, and there is no other executor, or no end to it.

    What a call raises comes through with the call's name in a note; from another process, with the traceback there
    as its cause. Calls that were not begun are then cancelled.
    """
    if executor is None:
        for call in calls:
            with _named(call):
                result = call()
            yield result
        return
    handed = _Handed(calls, executor)
    try:
        for number, call in enumerate(calls):
            with _named(call):
                result = handed.result(number)
            yield result
    finally:
        handed.cancel()


def run_call(parcel: Callable[[], Any]) -> Any:
    """Run a call where the executor has it run; Dask's dashboard shows this function's name."""
    return parcel()


def dumps(value: Any) -> bytes:
    """Pickle a value, by cloudpickle where that is installed."""
    try:
        from cloudpickle import dumps as dumps_by_value
    except ImportError:
        return pickle.dumps(value)
    packed: bytes = dumps_by_value(value)
    return packed


@contextmanager
def _named(call: Call) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"while mapping {call.name}")
        raise


class _Handed:
    """The calls that an executor was handed, at most :data:`AHEAD` of them, and the executor."""

    def __init__(self, calls: Sequence[Call], executor: Executor | Callable[[], Executor]) -> None:
        self._calls = calls
        self._make = executor if callable(executor) else None
        self._executor = self._checked(executor() if callable(executor) else executor)
        self._on_dask = type(self._executor).__module__.partition(".")[0] == "distributed"
        self._futures: dict[int, Future[Any] | _DaskFuture] = {}

    def result(self, number: int) -> Any:
        """Return what a call returned, and hand over calls after it meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._hand_over(number)
                answer = self._futures[number].result()
                break
            except BrokenExecutor as error:
                if self._make is None:
                    error.add_note("a pool that lost a worker takes no more work: give a function that makes one, such "
                                   "as executor=loky.get_reusable_executor, and map_reduce goes on with another")
                    raise
                if attempt == ATTEMPTS:
                    error.add_note(f"{attempt} pools lost a worker at this slice or one of the next: it may take more "
                                   "memory than there is; split='hour' makes slices smaller")
                    raise
                self._replace(self._make)
        del self._futures[number]
        return answer.open() if isinstance(answer, _Answer) else answer

    def cancel(self) -> None:
        """Have the calls that were not begun stay so."""
        for future in self._futures.values():
            future.cancel()

    def _hand_over(self, first: int) -> None:
        for number in range(first, min(first + AHEAD, len(self._calls))):
            if number not in self._futures:
                parcel = _Parcel(self._calls[number])
                self._futures[number] = (_DaskFuture(self._executor.map(run_call, [parcel])) if self._on_dask else
                                         self._executor.submit(run_call, parcel))

    def _replace(self, make: Callable[[], Executor]) -> None:
        """Go on with another executor; what the broken one has done stays done."""
        self._futures = {number: future for number, future in self._futures.items()
                         if isinstance(future, Future) and future.done() and not future.cancelled()
                         and future.exception() is None}
        self._executor = self._checked(make())

    @staticmethod
    def _checked(executor: Any) -> Executor:
        if isinstance(executor, Executor):
            return executor
        raise UsageError(f"executor={executor!r}: must be a concurrent.futures.Executor, or a function that makes one; "
                         "a Dask client has get_executor()")


class _DaskFuture:
    """A call on a Dask cluster, by the ``map`` of the client's executor.

    What its ``submit`` returns waits for ever for a call that was done, was lost with its worker, and failed when it
    was done again (distributed 2026.8): ``map`` asks Dask's own futures, which say so.
    """

    def __init__(self, results: Iterator[Any]) -> None:
        self._results = results

    def result(self) -> Any:
        return next(self._results)

    def cancel(self) -> None:
        # Dask lets go of what nobody refers to.
        self._results = iter(())


class _Parcel:
    """A call that runs as it is in this process, and is pickled only if it goes to another."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self) -> Any:
        return self._call()

    def __reduce__(self) -> Any:
        try:
            packed = dumps(self._call)
        except FootfallError as error:
            packed = dumps(_Refusal(error))
        except Exception as error:
            packed = dumps(_Refusal(UsageError(
                f"map_fn cannot be sent to another process: {type(error).__name__}: {error}; {_remedy()}")))
        # As bytes, because an executor whose worker cannot read what it is sent takes the worker for dead.
        return _Arrived, (packed,)

    def __dask_tokenize__(self) -> str:
        # Dask would answer a call that it knows with the result of the last time, but the store may have changed.
        return uuid.uuid4().hex


class _Refusal:
    """Goes in the place of a call that cannot travel, because executors differ in what they say of one."""

    def __init__(self, error: FootfallError) -> None:
        self._error = error

    def __call__(self) -> Any:
        raise self._error


class _Arrived:
    """A call in another process."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __call__(self) -> _Answer:
        try:
            return _Answer.of(pickle.loads(self._packed)())  # noqa: S301 - from the process that this one works for
        except Exception as error:
            return _Answer.of_error(error)


class _Answer:
    """What a call in another process returned or raised, on its way back."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @classmethod
    def of(cls, value: Any) -> _Answer:
        try:
            return cls(dumps((value, None, "")))
        except Exception as error:
            raise UsageError(f"what map_fn returned cannot be sent from its process: {type(error).__name__}: {error}; "
                             "return dicts, lists, numbers and the like") from error

    @classmethod
    def of_error(cls, error: Exception) -> _Answer:
        trace = "".join(traceback.format_exception(error))
        try:
            packed = dumps((None, error, trace))
            # Some errors are pickled and cannot be made again: those whose arguments are not what they were given.
            pickle.loads(packed)  # noqa: S301 - made in the line before
        except Exception:
            told = UsageError(f"{type(error).__name__}: {error}: raised in another process, cannot be sent as it is")
            packed = dumps((None, told, trace))
        return cls(packed)

    def open(self) -> Any:
        """Return what the call returned, or raise what it raised."""
        value, error, trace = pickle.loads(self._packed)  # noqa: S301 - from a process that works for this one
        if error is not None:
            raise error from _There(trace)
        return value


class _There(Exception):
    """The traceback of an error in the process where it was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _remedy() -> str:
    if importlib.util.find_spec("cloudpickle") is None:
        return "lambdas and what is typed at a shell travel by cloudpickle: pip install 'footfall[parallel]'"
    return "make locks, files and connections inside of it, or use an executor of threads"
