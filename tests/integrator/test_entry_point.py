"""Compiled functions that Python calls: what they are given, and when they are compiled."""

import threading
from typing import NamedTuple

import numpy as np
import pytest

from simulator.integrator import cache, machine_code
from simulator.integrator.cache import EntryPoint, address_of, compiled, entry_point


class Point(NamedTuple):
    x: float
    places: np.ndarray
    count: int


@compiled
def weighted(point, weight):
    return weight * point.x


@compiled
def place_of(point, k):
    return point.places[k] + point.count


@entry_point
def everything(point, table, pair, nothing, flag, out):
    out[0] = weighted(point, 2.0)
    out[1] = place_of(point, 1)
    out[2] = table[1, 2]
    out[3] = pair[0] - pair[1][0]
    out[4] = 1.0 if nothing is None else nothing
    out[5] = 1.0 if flag else 0.0


def results(table, nothing=None, flag=True, number=float):
    point = Point(number(1.25), np.array([3, 4]), np.int64(-7))
    out = np.zeros(6)
    everything(point, table, (5.0, np.array([0.5])), nothing, flag, out)
    return out.tolist()


TABLE = np.arange(12.0).reshape(3, 4)


def test_arguments_of_every_kind():
    assert results(TABLE) == [2.5, -3.0, 6.0, 4.5, 1.0, 1.0]
    assert results(TABLE, nothing=9, flag=np.bool_(False).item()) == [2.5, -3.0, 6.0, 4.5, 9.0, 0.0]
    assert results(TABLE, nothing=0.25, number=np.float64)[4] == 0.25


def test_first_arguments_that_stay_are_looked_at_anew_at_each_call():
    table, out = TABLE.copy(), np.zeros(6)
    point = Point(1.25, np.array([3, 4]), -7)
    again = everything.starting_with(point, table, (5.0, np.array([0.5])))
    again(None, True, out)
    assert out.tolist() == results(TABLE)
    table[1, 2] = 60.0
    point.places[1] = 40
    again(9, False, out)
    assert out.tolist() == [2.5, 33.0, 60.0, 4.5, 9.0, 0.0]


def test_address_of_the_first_entry():
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    parts = [TABLE, TABLE[1:], TABLE[:, ::2], TABLE[:, 1:].T, TABLE[:0], np.zeros((3, 0)), fixed]
    assert [address_of(each) for each in parts] == [each.ctypes.data for each in parts]


@pytest.mark.parametrize("table", [TABLE[:, ::-1], np.asfortranarray(TABLE), TABLE[::2]])
def test_arrays_that_are_not_contiguous(table):
    assert results(table)[2] == table[1, 2]


def test_records_and_arrays_of_records():
    kind = np.dtype([("count", np.int64), ("size", np.float64)])
    table = np.array([(3, 0.5), (4, 0.25)], kind)
    out = np.zeros(3)

    @entry_point
    def fields(record, table, out):
        out[0], out[1], out[2] = record.count, record.size, table[1].size

    fields(table[0], table, out)
    assert out.tolist() == [3.0, 0.5, 0.25]
    fields(table.view(np.recarray)[1], table[:0:-1].repeat(2), out)
    assert out.tolist() == [4.0, 0.25, 0.25]


def test_functions_of_the_c_library_are_its_own():
    """Also where numba has another name for them, which a process without numba does not know."""

    @entry_point
    def after(x, out):
        out[0], out[1] = np.nextafter(x, np.inf), x**0.3

    out = np.zeros(2)
    after(2.0, out)
    assert out[0] == np.nextafter(2.0, np.inf)
    assert out[1] == pytest.approx(np.power(2.0, 0.3), rel=1e-15)


def test_what_nothing_can_be_linked_to_is_refused():
    @entry_point
    def draw(out):
        out[0] = np.random.random()  # noqa: NPY002 - numba keeps its state

    with pytest.raises(NotImplementedError, match="nothing to link"):
        draw(np.zeros(1))


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError, match="do not take str"):
        everything("a")


def test_extreme_numbers_arrive_as_they_are():
    out = np.zeros(4)

    @entry_point
    def copy(a, b, c, d, out):
        out[0], out[1], out[2], out[3] = a, b, c, d

    copy(-0.0, float("inf"), 5e-324, -(2**53), out)
    assert out.tobytes() == np.array([-0.0, np.inf, 5e-324, -(2.0**53)]).tobytes()


def test_kinds_share_no_code_and_are_compiled_once(monkeypatch):
    keys, once = [], machine_code.compile_once
    monkeypatch.setattr(
        machine_code, "compile_once", lambda key, build: (keys.append(key), once(key, build))[1]
    )
    out = np.zeros(1)

    def double(x, out):
        out[0] = x + x

    function = EntryPoint(double)
    for x in (1, 2, 2.5, 4, 3.0):
        function(x, out)
        assert out[0] == 2 * x
    assert len(keys) == len(set(keys)) == 2


def test_threads_that_begin_at_once_compile_once(monkeypatch):
    keys, once = [], machine_code.compile_once
    monkeypatch.setattr(
        machine_code, "compile_once", lambda key, build: (keys.append(key), once(key, build))[1]
    )

    def square(x, out):
        out[0] = x * x

    function, ready = EntryPoint(square), threading.Barrier(4)
    found = np.zeros((4, 1))

    def work(k):
        ready.wait()
        function(float(k), found[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.ravel().tolist() == [0.0, 1.0, 4.0, 9.0]
    assert len(keys) == 1


def test_without_a_place_to_keep_code_it_is_compiled_anew(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(machine_code, "cache_folder", lambda: tmp_path / "file")

    def negative(x, out):
        out[0] = -x

    out = np.zeros(1)
    with pytest.warns(UserWarning, match="compiled code cannot be kept"):
        EntryPoint(negative)(4.0, out)
    assert out[0] == -4.0


def test_changed_sources_are_compiled_anew(tmp_path):
    file = tmp_path / "source.py"
    file.write_text("a")
    cache.source_digest.cache_clear()
    before = cache.source_digest(tmp_path)
    cache.source_digest.cache_clear()
    assert cache.source_digest(tmp_path) == before
    file.write_text("b")
    cache.source_digest.cache_clear()
    assert cache.source_digest(tmp_path) != before
