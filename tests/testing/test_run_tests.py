"""From tree and tests to results per test: what the plain command would say, and how ends that are none are told."""

from __future__ import annotations

from typing import Any

import pytest

from crrl import schema
from crrl.errors import DataError
from crrl.sandbox import shared_workers
from crrl.schema import rows_from_files
from crrl.testing import run_tests, score
from crrl.testing.inside.equality import same
from crrl.testing.inside.verdict import signature
from crrl.testing.report import read_report
from crrl.testing.run import TestRun

F = {"f.py": "def f(x):\n    return x + 1\n"}


def judged(files: schema.Files, command: str, tree: schema.Files = F, **more: Any) -> TestRun:
    row: schema.TestsRow = {"files": rows_from_files(files), "command": command.split(), "timeout_s": 30.0}
    return run_tests(tree, row, shared_workers().run, **more)


EXAMPLES = """\
>>> from f import f
>>> f(1)
2
>>> _ + 1
3
>>> f('a')
Traceback (most recent call last):
TypeError: can only concatenate str (not "int") to str
>>> f('a')  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
TypeError: something else
>>> list(range(f(30)))  # doctest: +ELLIPSIS
[0, 1, ..., 30]
>>> 1 / 0  # doctest: +SKIP
>>> print(f(1), end='')
2
>>> for _ in range(2):
...     print('')
<BLANKLINE>
<BLANKLINE>
>>> f(1)
3
>>> def g(:
Traceback (most recent call last):
SyntaxError: invalid syntax
"""


def test_examples_are_judged_as_doctest_judges_them_and_named_by_their_line() -> None:
    results = judged({"t.txt": EXAMPLES}, "python -m doctest t.txt").results
    assert results == {f"t.txt:{line}": line != 19 for line in (1, 2, 4, 6, 9, 12, 15, 17, 21, 23)} | {
        "t.txt:21": False
    }


def test_what_examples_should_print_is_not_in_the_sandbox() -> None:
    tree = {"f.py": "import os\ndef f(x):\n    return sorted(os.listdir())\n"}
    examples = ">>> from f import f\n>>> f(1)\n['f.py']\n"
    assert judged({"t.txt": examples}, "python -m doctest t.txt", tree).passed


def test_an_example_that_should_print_nothing_needs_a_run_that_came_to_its_end() -> None:
    examples = ">>> import f\n>>> f.f(0)\n1\n"
    test_run = judged(
        {"t.txt": examples},
        "python -m doctest t.txt",
        {"f.py": "def f(x):\n    print(1)\n    import os\n    os._exit(0)\n"},
    )
    assert test_run.results == {"t.txt:1": False, "t.txt:2": False}
    assert not test_run.finished


def test_a_doctest_file_that_is_none_is_bad_data() -> None:
    with pytest.raises(DataError, match="no doctest"):
        judged({"t.txt": ">>>f(1)\n"}, "python -m doctest t.txt")
    with pytest.raises(DataError, match="no option 'X'"):
        judged({"t.txt": ">>> 1\n1\n"}, "python -m doctest -o X t.txt")


UNIT = """\
import unittest
from f import f

class T(unittest.TestCase):
    def test_pass(self): self.assertEqual(f(1), 2)
    def test_fail(self): self.assertEqual(f(1), 3)
    def test_error(self): f()
    def test_subtests(self):
        for x in (1, 2):
            with self.subTest(x=x): self.assertEqual(f(x), 2)
    @unittest.skip('no')
    def test_skip(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.assertEqual(f(1), 3)
    @unittest.expectedFailure
    def test_unexpected(self): self.assertEqual(f(1), 2)
    def test_raises(self):
        with self.assertRaisesRegex(TypeError, 'concatenate'): f('a')

class A(unittest.IsolatedAsyncioTestCase):
    async def test_async(self): self.assertEqual(f(1), 2)
"""
UNIT_RESULTS = {
    "T.test_pass": True,
    "T.test_fail": False,
    "T.test_error": False,
    "T.test_subtests": False,
    "T.test_skip": False,
    "T.test_expected": True,
    "T.test_unexpected": False,
    "T.test_raises": True,
    "A.test_async": True,
}


@pytest.mark.parametrize(
    "command", ["python -m unittest", "python -m unittest -v test_f", "python -m unittest test_f.py"]
)
def test_unittest_is_judged_test_by_test(command: str) -> None:
    test_run = judged({"test_f.py": UNIT}, command)
    assert test_run.results == {f"test_f.{name}": passed for name, passed in UNIT_RESULTS.items()}
    assert test_run.finished
    assert test_run.exit_code == 1


def test_pytest_runs_unittest_cases_too() -> None:
    results = judged({"t/test_f.py": UNIT}, "python -m pytest t").results
    assert results == {f"t/test_f.py::{name.replace('.', '::')}": passed for name, passed in UNIT_RESULTS.items()}


PYTEST = """\
import pytest
from f import f
from helper import three

@pytest.fixture
def two(): return 2

@pytest.mark.parametrize('x', [1, 2])
def test_param(x, tmp_path): assert f(x) == x + 1
def test_fixture(two): assert f(two) == three()
def test_fail(): assert f(1) == 3
def test_skip(): pytest.skip('no')
@pytest.mark.xfail
def test_xfail(): assert f(1) == 3
@pytest.mark.xfail
def test_xpass(): assert f(1) == 2
@pytest.mark.xfail(strict=True)
def test_strict(): assert f(1) == 2
def test_raises():
    with pytest.raises(TypeError, match='concatenate'): f('a')
def test_approx(): assert f(0.1 + 0.2) == pytest.approx(1.3)
class TestClass:
    def test_method(self, from_conftest): assert from_conftest < f(1) <= 2 and 2 in [f(1)]
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
"""


def test_pytest_is_judged_test_by_test() -> None:
    files = {
        "test_f.py": PYTEST,
        "helper.py": "def three(): return 3\n",
        "conftest.py": "import pytest\n@pytest.fixture\ndef from_conftest(): return 1\n",
    }
    results = judged(files, "python -m pytest -q").results
    failing = ("test_fail", "test_skip", "test_strict", "test_error")
    names = ("test_param[1]", "test_param[2]", "test_fixture", "test_xfail", "test_xpass", "test_raises", "test_approx")
    wanted = dict.fromkeys((*names, "TestClass::test_method"), True) | dict.fromkeys(failing, False)
    assert results == {f"test_f.py::{name}": passed for name, passed in wanted.items()}


@pytest.mark.parametrize("command", ["python -m unittest", "python -m pytest"])
def test_a_test_file_that_cannot_be_imported_fails(command: str) -> None:
    test_run = judged({"test_f.py": "import nowhere\n", "test_g.py": UNIT}, command)
    assert [passed for name, passed in test_run.results.items() if name.endswith(("test_f", "test_f.py"))] == [False]
    assert not test_run.passed
    broken = judged({"test_f.py": "def (:\n"}, command)
    assert not broken.passed


@pytest.mark.parametrize("command", ["python -m unittest", "python -m pytest", "python -m doctest t.txt"])
def test_no_tests_is_not_passed(command: str) -> None:
    assert not judged({"t.txt": "no examples\n", "other.py": ""}, command).passed


@pytest.mark.parametrize(
    ("text", "code", "finished"),
    [
        ("import f\nassert f.f(1) == 2\n", 0, True),
        ("import f\nassert f.f(1) == 3\n", 1, True),
        ("import sys\nsys.exit(3)\n", 3, True),
        ("import sys\nsys.exit('no')\n", 1, True),
        ("import os\nos._exit(0)\n", 1, False),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", 1, False),
        ("def (:\n", 1, True),
        (
            "import unittest, f\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f.f(1), 2)\nunittest.main()\n",
            0,
            True,
        ),
        ("import sys\nassert sys.argv == ['check.py', '-x', '1'] or sys.exit(str(sys.argv))\n", 0, True),
    ],
)
def test_a_script_counts_when_it_came_to_its_end(text: str, code: int, finished: bool) -> None:
    test_run = judged({"check.py": text}, "python check.py -x 1" if "argv" in text else "python check.py")
    assert (test_run.exit_code, test_run.finished) == (code, finished), test_run


def test_modules_and_code_are_programs_too() -> None:
    assert judged(
        {"pkg/check.py": "from f import f\nassert f(1) == 2\n", "pkg/__init__.py": ""}, "python -m pkg.check"
    ).passed
    assert (
        judged({}, "python -c import\tf;assert\tf.f(1)==2".replace("\t", " ")).exit_code == 1
    )  # split at blanks: `import`
    row: schema.TestsRow = {"files": [], "command": ["python", "-c", "import f; assert f.f(1) == 2"], "timeout_s": 9.0}
    assert run_tests(F, row, shared_workers().run).passed


def test_another_program_is_judged_by_its_exit_code() -> None:
    assert judged({"t.sh": "grep -q 'x + 1' f.py\n"}, "sh t.sh").passed
    assert not judged({"t.sh": "grep -q 'x + 2' f.py\n"}, "sh t.sh").passed


def test_a_module_of_the_standard_library_is_taken_from_the_tree() -> None:
    tree = {"textwrap.py": "def dedent(text):\n    return 'mine'\n"}
    assert judged(
        {"t.txt": ">>> import textwrap\n>>> textwrap.dedent('x')\n'mine'\n"}, "python -m doctest t.txt", tree
    ).passed
    unit = (
        "import textwrap, unittest\nclass T(unittest.TestCase):\n"
        "    def test(self): self.assertEqual(textwrap.dedent('x'), 'mine')\n"
    )
    assert judged({"test_t.py": unit}, "python -m unittest", tree).passed


def test_tests_of_the_tree_itself_are_run_as_they_were_before() -> None:
    before = {**F, "test_own.py": "from f import f\ndef test_own(): assert f(1) == 2\n"}
    after = {
        "f.py": "def f(x):\n    return 0\n",
        "test_own.py": "def test_own(): pass\n",
        "test_new.py": "def test_new(): pass\n",
    }
    assert judged({}, "python -m pytest", after, before=before).results == {"test_own.py::test_own": False}


HONEST = {
    "frames": "import sys\ndef f(x):\n    return sys._getframe().f_locals['x'] + 1\n",
    "a signal handler": "import signal\nsignal.signal(signal.SIGALRM, lambda number, frame: None)\ndef f(x):\n    return x + 1\n",
}


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("style", ["unittest", "pytest"])
def test_what_the_program_did_before_the_repair_is_no_cheating(name: str, style: str) -> None:
    after, tests = (
        {"f.py": HONEST[name]},
        {"test_f.py": "import unittest, f\nclass T(unittest.TestCase):\n    def test(self): assert f.f(1) == 2\n"},
    )
    command = f"python -m {style} test_f.py"
    assert judged(tests, command, after, before={"f.py": HONEST[name].replace("+ 1", "+ 2")}).passed
    assert judged(tests, command, after, before=F).tampered


ORDINARY = """\
import asyncio, collections, concurrent.futures, contextlib, dataclasses, decimal, enum, functools, importlib, inspect
import io, json, logging, pathlib, pickle, random, re, subprocess, sys, tempfile, textwrap, threading, traceback, typing, warnings
from unittest import mock

Pair = collections.namedtuple("Pair", "a b")
Old = typing.NamedTuple("Old", [("a", int)])
Colour = enum.Enum("Colour", "RED BLUE")
T = typing.TypeVar("T")


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass(order=True)
class Point(typing.Generic[T]):
    x: int
    y: typing.Optional[T] = None


@functools.lru_cache
@functools.wraps(len)
def cached(x):
    return x


@functools.singledispatch
def kind(x):
    return "any"


@kind.register
def _(x: int):
    return "int"


@contextlib.contextmanager
def opened():
    yield io.StringIO()


async def later(x):
    await asyncio.sleep(0)
    asyncio.current_task().get_name()
    return x


def f(x):
    logging.getLogger("f").warning("%s", x, stack_info=True)
    try:
        raise ValueError(x)
    except ValueError as error:
        assert "ValueError" in traceback.format_exc() + "".join(traceback.format_exception(error))
        logging.exception("so")
    with warnings.catch_warnings(record=True):
        warnings.warn("careful", stacklevel=2)
    assert str(inspect.signature(Point)) and inspect.getdoc(json.dumps) and cached(3) == 3 and kind(3) == "int"
    assert Pair(1, 2)._replace(a=2).a == 2 and Level.LOW | Level.HIGH and Old(1).a == 1
    assert pickle.loads(pickle.dumps(Point(1))) == Point(1) and Point(1) < Point(2)
    assert importlib.import_module("json").loads("[1]") == [1] and textwrap.dedent(" x") == "x"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, [-1, 2])) == [1, 2]
        assert pool.submit(collections.namedtuple, "P", "a b").result()(1, 2).a == 1
        pool.submit(logging.exception, "in a thread", stack_info=True).result()
    done = threading.Thread(target=list)
    done.start()
    done.join()
    with opened() as stream, tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "x.txt"
        place.write_text("x")
        stream.write(place.read_text())
    with mock.patch("json.dumps", return_value="1") as fake:
        assert json.dumps([]) == "1" and fake.called
    assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
    assert eval("1 + 1") == 2 and re.sub("a+", "b", "aa") == "b" and decimal.Decimal("1") == 1
    names = {}
    exec("def g(x): return x + 1", names)
    return names["g"](asyncio.run(later(x)))
"""


ORDINARY_TESTS = """\
import unittest, f
class T(unittest.TestCase):
    def test(self):
        self.assertEqual(f.f(1), 2)
        self.assertEqual(f.Point(1), f.Point(1))
        assert 1 < f.f(1) == 2 != 3
"""


@pytest.mark.parametrize(
    ("command", "tests"),
    [
        ("python -m unittest test_f.py", {"test_f.py": ORDINARY_TESTS}),
        ("python -m pytest test_f.py", {"test_f.py": ORDINARY_TESTS}),
        ("python t.py", {"t.py": "from f import f, Point\nassert f(1) == 2 and Point(1) == Point(1)\n"}),
        ("python -m doctest t.txt", {"t.txt": ">>> import f\n>>> f.f(1)\n2\n>>> f.Point(1)\nPoint(x=1, y=None)\n"}),
    ],
)
def test_what_ordinary_code_does_is_no_cheating(command: str, tests: dict[str, str]) -> None:
    test_run = judged(tests, command, {"f.py": ORDINARY}, before=F)
    assert test_run.passed, (test_run.tampered, test_run.outcome.stderr[-3000:], test_run.outcome.stdout[-3000:])


COMPILED = """\
import contextlib, importlib, unittest
from f import f
with contextlib.suppress(ImportError):  # not every Python has it
    import _testcapi
class T(unittest.TestCase):
    def test(self):
        self.assertEqual(f(1), 2)
        with contextlib.suppress(ImportError):
            importlib.import_module("_testbuffer")
"""


@pytest.mark.parametrize("command", ["python -m unittest test_f.py", "python -m pytest test_f.py"])
def test_tests_may_import_modules_that_reach_any_memory(command: str) -> None:
    test_run = judged({"test_f.py": COMPILED}, command, F)
    assert test_run.passed, (test_run.tampered, test_run.outcome.stderr[-3000:], test_run.outcome.stdout[-3000:])


COMPARED = """\
import datetime, decimal, fractions, functools, types, weakref
class Text:
    __eq__ = lambda self, other: isinstance(other, str)
@functools.total_ordering
class Size:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return isinstance(other, Size) and self.x == other.x
    def __lt__(self, other): return self.x < other.x
from f import f
size = f(Size(3))
assert f('a') == Text() and [f('a')] == [Text()]
assert f(fractions.Fraction(1, 2)) == 0.5 and f(decimal.Decimal(2)) == 2
assert f(datetime.date(2000, 1, 1)) == datetime.date(2000, 1, 1) != f(datetime.date(2000, 1, 2))
assert size == Size(3) != Size(4) and Size(4) > size >= Size(3) and f(weakref.proxy(size)).x == 3
assert f(types.MappingProxyType({'a': 1})) == {'a': 1} and f(int) == int and f(True) == 1 and 1 in f({1: 2})
"""


def test_comparisons_of_ordinary_classes_are_believed() -> None:
    tree = {"f.py": "def f(x):\n    return x\n"}
    test_run = judged({"check.py": COMPARED}, "python check.py", tree, before={"f.py": ""})
    assert test_run.passed, (test_run.tampered, test_run.outcome.stderr)


WILDCARD = """\
import unittest
from unittest.mock import ANY
from f import f
class T(unittest.TestCase):
    def test(self):
        self.assertEqual(f(1), ANY)
        assert f(1) == ANY
    def test_other(self):
        self.assertEqual([f(1), 4], [ANY, 3])
"""


@pytest.mark.parametrize("command", ["python -m unittest test_f", "python -m pytest"])
def test_a_test_may_ask_for_anything(command: str) -> None:
    test_run = judged({"test_f.py": WILDCARD}, command, before={"f.py": ""})
    assert not test_run.tampered
    assert sorted(test_run.results.values()) == [False, True]


class FirstNumber:
    """Equals the first number that it is asked about, and no other."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            return False
        self.__dict__.setdefault("value", other)
        return bool(other == self.value)

    __hash__ = None  # type: ignore[assignment]


def test_what_counts_is_never_the_first_number_that_an_object_is_asked_about() -> None:
    assert not any(same(FirstNumber(), 8) for _ in range(500))


FAILS_IN_A_THREAD = """\
import os, threading, unittest, f
HERE = os.path.dirname(__file__)
class T(unittest.TestCase):
    def test(self):
        def fail():
            raise ValueError("shown, with the line of this file")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        self.assertEqual(f.f(1), 2)
"""


def test_an_exception_in_a_thread_of_the_tests_is_shown() -> None:
    test_run = judged({"test_f.py": FAILS_IN_A_THREAD}, "python -m unittest test_f.py", before={"f.py": ""})
    assert test_run.passed, test_run.tampered
    assert "    raise ValueError" in test_run.outcome.stderr


MODULO = """\
class M:
    def __init__(self, x, size): self.x, self.size = x % size, size
    def __eq__(self, other): return (other - self.x) % self.size == 0 if isinstance(other, int) else NotImplemented
    def __add__(self, other): return M(self.x + other, self.size)
"""


@pytest.mark.parametrize("size", [2, 3, 7])
def test_equality_may_hold_for_many_numbers(size: int) -> None:
    tests = f"from m import M\nfor n in range(20):\n    assert M(n, {size}) + 1 == n + 1\n    assert M(n, {size}) != n + 1\n"
    assert judged({"check.py": tests}, "python check.py", {"m.py": MODULO}, before={"m.py": ""}).passed


FLOATS = """\
class F:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return self.x == (other.x if isinstance(other, F) else other)
"""


@pytest.mark.parametrize(
    "value", ["float('inf')", "-float('inf')", "1e300", "0.1", "2 ** 80", "1j", "True", "'a'", "[1, [2]]", "{'a': 1}"]
)
def test_equality_of_any_value_may_hold(value: str) -> None:
    tests = f"from m import F\nv = {value}\nassert F(v) == v == F(v) and v == F(v) and [F(v)] == [v]\n"
    assert judged({"check.py": tests}, "python check.py", {"m.py": FLOATS}, before={"m.py": ""}).passed


POINT = """\
class P:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return isinstance(other, P) and self.x == other.x
"""
POINT_TESTS = """\
import unittest
from p import P
class T(unittest.TestCase):
    def test(self):
        self.assertEqual(P(1), P(1))
        assert P(1) == P(1) and P(1) in [P(0), P(1)]
        self.assertNotEqual(P(1), P(2))
"""


@pytest.mark.parametrize("style", ["unittest", "pytest"])
def test_classes_of_the_program_may_define_equality(style: str) -> None:
    command = f"python -m {style} test_p.py"
    assert judged({"test_p.py": POINT_TESTS}, command, {"p.py": POINT}, before={"p.py": ""}).passed


def test_a_report_is_believed_only_whole_and_signed_with_its_nonce() -> None:
    line, other = b"result 61 1\n", b"result 61 0\n"
    end, ends_other = (f"end {signature('n', [text.decode().strip()])}\n".encode() for text in (line, other))
    assert read_report(line + end, "n").results == {"a": True}
    for data in (
        b"",
        line,
        line + b"end n\n",
        line + ends_other,
        line + f"end {signature('m', [line.decode().strip()])}\n".encode(),
        b"x\n" + line + end,
        line + line + end,
        line + other + end,
        line + end + end,
        end + line,
        b"\xff\n" + end,
    ):
        assert read_report(data, "n").results == {}, data
    nothing = f"end {signature('n', [])}\n".encode()
    assert read_report(b"example 61 - -\n" + nothing, "n").finished
    assert read_report(b"example 61 - -\nexample 61 - -\n" + nothing, "n").tampered


def test_the_nonce_is_in_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "5ec2e7" * 5)
    run = judged({"test_p.py": POINT_TESTS}, "python -m unittest test_p.py", {"p.py": POINT}, before={"p.py": ""})
    assert run.passed
    assert b"5ec2e7" not in run.outcome.report


LISTS: Any = {"files": [], "command": ["x"], "timeout_s": 1.0, "fail_to_pass": ["a", "b"], "pass_to_pass": ["c"]}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"a": True, "b": True, "c": True}, 1.0),
        ({"a": True, "b": False, "c": True}, 0.5),
        ({"a": True, "c": True}, 0.5),
        ({"a": True, "b": True, "c": False}, 0.0),
        ({"a": True, "b": True}, 0.0),
        ({"c": True, "other": True}, 0.0),
        ({"a": True, "b": True, "c": True, "other": False}, 1.0),
    ],
)
def test_the_share_of_fail_to_pass_tests_counts_unless_another_broke(results: dict[str, bool], expected: float) -> None:
    outcome = judged({"t.sh": "true\n"}, "sh t.sh").outcome
    assert score(TestRun(outcome, results, finished=True), LISTS) == expected
    assert score(TestRun(outcome, results, tampered="x"), LISTS) == 0.0
