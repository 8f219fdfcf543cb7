"""Every kind of bug does what its example says, in one place, and leaves everything else as it was written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from crrl.data.sources.mutations.kinds import KINDS, BugKind
from crrl.data.sources.mutations.kinds.table import render_table
from crrl.data.sources.mutations.mutants import Mutant, functions_of, mutants_of

STDLIB = Path(ast.__file__).parent
SAMPLE = ("textwrap", "heapq", "contextlib", "shlex", "fractions")


def in_function(lines: str) -> str:
    if lines.startswith("def "):
        return lines + "\n"
    head = "async def g(xs, ys):\n" if "await" in lines or "fetch" in lines else "def g(xs, ys):\n"
    return head + "".join(f"    {line}\n" for line in lines.split("\n"))


def mutants(text: str) -> list[tuple[Mutant, str]]:
    wanted = frozenset(function.name for function in functions_of(text))
    return [(mutant, mutant.change.apply(text.encode())) for mutant in mutants_of(text, wanted)]


def read(module: str) -> str:
    return (STDLIB / f"{module}.py").read_text()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_example_is_made_exactly_so(kind: BugKind) -> None:
    made = {text for mutant, text in mutants(in_function(kind.before)) if mutant.kind == kind.name}
    assert in_function(kind.after) in made


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_described_in_a_sentence(kind: BugKind) -> None:
    assert (kind.about.endswith(".") and kind.about[0].isupper()) or kind.about[0] == "`"


def test_there_are_at_least_twelve_kinds() -> None:
    assert len(KINDS) >= 12


@pytest.mark.parametrize("module", SAMPLE)
def test_a_mutant_differs_only_inside_its_change_and_its_line_is_in_its_function(module: str) -> None:
    text = read(module)
    source, functions = text.encode(), {function.name: function for function in functions_of(text)}
    for mutant, broken in mutants(text):
        change, function = mutant.change, functions[mutant.function]
        assert broken.encode() == source[: change.start] + change.text.encode() + source[change.end :]
        assert function.first_line <= mutant.line <= function.last_line
        assert "\n" not in change.text or change.text.count("\n") <= source[change.start : change.end].count(b"\n")


@pytest.mark.parametrize("module", SAMPLE)
def test_nearly_all_mutants_of_real_code_parse(module: str) -> None:
    made = mutants(read(module))
    parse = sum(_parses(broken) for _, broken in made)
    assert len(made) > 100
    assert parse / len(made) > 0.98


def _parses(text: str) -> bool:
    try:
        compile(text, "m", "exec")
    except SyntaxError:
        return False
    return True


LEFT_ALONE = [
    'def f(x):\n    """Say 1 or 2."""\n    raise ValueError("not %d" % (x + 1))\n',
    "def f(x: int = None) -> list[1]:\n    assert x + 1\n",
    "def __repr__(self):\n    return self.a + 1\n",
    "def f(x):\n    if sys.platform == 'win32':\n        x = x + 1\n",
    "def f(x):\n    warnings.warn('a', x + 1)\n    log.debug(x + 1)\n    import a\n    f'{x + 1}'\n",
    "@g(1)\ndef f(x):\n    pass\n",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_messages_docstrings_and_code_for_elsewhere_are_left_alone(text: str) -> None:
    assert [mutant for mutant, _ in mutants(text) if mutant.kind not in ("dropped-guard", "wrong-exception")] == []


def test_text_beyond_ascii_is_cut_at_the_right_place() -> None:
    text = 'def f(x):\n    y = "ü€😀"\n    return x < 1, "ß"\n'
    made = [broken for mutant, broken in mutants(text) if mutant.kind == "comparison-boundary"]
    assert made == [text.replace("<", "<=")]


def test_a_removed_guard_takes_its_comment_along() -> None:
    text = "def f(x):\n    # nothing to do\n    if not x:\n        return 0\n    return 1 / x\n"
    made = [broken for mutant, broken in mutants(text) if mutant.kind == "dropped-guard"]
    assert made == ["def f(x):\n    return 1 / x\n"]


def test_mutants_come_in_the_same_order_every_time() -> None:
    text = read("textwrap")
    assert mutants(text) == mutants(text)


def test_operands_keep_their_parentheses() -> None:
    text = "def f(a, b):\n    return int(a + b) * (a - b - 1)\n"
    made = {(mutant.kind, broken.splitlines()[1].strip()) for mutant, broken in mutants(text)}
    assert ("dropped-call", "return (a + b) * (a - b - 1)") in made
    assert ("swapped-operands", "return int(a + b) * (1 - (a - b))") in made


def test_the_documented_table_is_the_one_the_code_gives() -> None:
    assert render_table() in (Path(__file__).parents[2] / "docs" / "mutations.md").read_text()
