"""SWE-bench's rows: files out of a local clone, distractors that are told from nothing, patches of every form."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from crrl.data import load_tasks
from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.git_history import head_commit
from crrl.data.sources.swe.rows import patch_problem, patched_paths
from crrl.data.window import UNCLEAR
from crrl.diffs import render_unified
from crrl.errors import ConfigError, DataError
from crrl.evaluate.baselines import reference_answer
from crrl.evaluate.predictions import instance_id
from crrl.rewards import REWARDS
from crrl.schema import TaskRow, files_from_rows
from tests.data.rows import Repository, write_rows

BASE: dict[str, str | bytes | None] = {
    "shop/price.py": "def price(count):\n    return count * 3\n",
    "shop/cart.py": "def total(items):\n    return sum(items)\n",
    "shop/tax.py": "RATE = 0.2\n",
    "shop/test_price.py": "from shop.price import price\n",
    "other/far.py": "X = 1\n",
    "other/more.py": "Y = 1\n",
    "docs/read.md": "# Shop\n",
    "logo.png": b"\x89PNG\0\0",
    "old.py": "OLD = 1\n",
}


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("clones")
    repository = Repository(folder / "acme__shop")
    base = repository.commit("Start", BASE)
    repository.commit("Later", {"shop/price.py": "def price(count):\n    return count * 4\n", "shop/tax.py": None})
    return folder, base


def change(**files: str | None) -> str:
    """The unified diff of a change of the base: path (with __ for /) → new text, None to delete."""
    before = {path: text for path, text in BASE.items() if isinstance(text, str)}
    after: dict[str, str] = dict(before)
    for name, text in files.items():
        path = name.replace("__", "/") + ".py"
        if text is None:
            del after[path]
        else:
            after[path] = text
    return render_unified(before, after)


def row(base: str, patch: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row in the schema of SWE-bench."""
    return {
        "repo": "acme/shop",
        "instance_id": f"acme__shop-{number}",
        "base_commit": base,
        "patch": patch,
        "test_patch": "",
        "problem_statement": "The price of one thing is wrong.",
        "hints_text": "",
        "created_at": "2024-01-01T00:00:00Z",
        "version": "1.0",
        "FAIL_TO_PASS": '["shop/test_price.py::test_price"]',
        "PASS_TO_PASS": "[]",
        "environment_setup_commit": base,
        **changes,
    }


PATCH = change(shop__price="def price(count):\n    return count * 5\n")


def build(path: Path, clones: Path, **options: Any) -> tuple[list[TaskRow], Report]:
    given = {"path": str(path), "clones": str(clones), **options}
    report = Report()
    return list(build_tasks(make_plan("swe", kind="repair", split="all", options=given), report)), report


def one(tmp_path: Path, clones: tuple[Path, str], patch: str, **changes: Any) -> tuple[list[TaskRow], Report]:
    return build(write_rows(tmp_path / "rows.jsonl", [row(clones[1], patch, **changes)]), clones[0])


def test_a_task_holds_the_changed_files_and_distractors_near_them(tmp_path: Path, clones: tuple[Path, str]) -> None:
    (task,), _ = one(tmp_path, clones, PATCH)
    files = files_from_rows(task["files"])
    assert files["shop/price.py"] == BASE["shop/price.py"]
    assert set(files) >= {"shop/cart.py", "shop/tax.py"}  # of the same folder first
    assert len(files) == 4
    assert not any("test" in path or path.endswith((".md", ".png")) for path in files)
    assert files_from_rows(task["reference"])["shop/price.py"].endswith("* 5\n")
    assert {path for path in files if files[path] != files_from_rows(task["reference"])[path]} == {"shop/price.py"}


def test_no_task_shows_beside_its_own_files_what_another_fix_changes(tmp_path: Path, clones: tuple[Path, str]) -> None:
    patches = [PATCH, change(shop__cart="def total(items):\n    return 0\n"), "@@ no diff"]
    path = write_rows(tmp_path / "rows.jsonl", [row(clones[1], patch, n) for n, patch in enumerate(patches)])
    tasks, _ = build(path, clones[0], skip_bad=1)
    shown = [{file["path"] for file in task["files"]} for task in tasks]
    assert [paths & {"shop/price.py", "shop/cart.py"} for paths in shown] == [{"shop/price.py"}, {"shop/cart.py"}]
    assert all(len(paths) > 1 for paths in shown)


def test_fixes_of_one_file_lie_in_one_split_whatever_commit_they_start_from(
    tmp_path: Path, clones: tuple[Path, str]
) -> None:
    later = head_commit(clones[0] / "acme__shop")
    after = change(shop__price="def price(count):\n    return count * 5\n").replace("* 3", "* 4")
    rows = [row(clones[1], PATCH, 1), row(later, after, 2)]
    tasks, _ = build(write_rows(tmp_path / "rows.jsonl", rows), clones[0], distractors=0)
    one, other = (json.loads(task["source"])["group"] for task in tasks)
    assert one == other


def test_rows_of_files_with_one_name_are_told_apart(tmp_path: Path, clones: tuple[Path, str]) -> None:
    patches = {"lite": PATCH, "full": change(shop__cart="def total(items):\n    return 0\n")}
    for number, (name, patch) in enumerate(patches.items()):
        (tmp_path / "rows" / name).mkdir(parents=True)
        write_rows(tmp_path / "rows" / name / "test.jsonl", [row(clones[1], patch, number)])
    given = {"path": str(tmp_path / "rows"), "clones": str(clones[0])}
    assert len(load_tasks("swe", kind="repair", split="all", **given)) == 2


def test_the_reference_earns_everything(tmp_path: Path, clones: tuple[Path, str]) -> None:
    patches = [
        PATCH,
        change(shop__price=None),
        change(shop__new="N = 1\n", shop__cart="def total(items):\n    return 0\n"),
    ]
    path = write_rows(tmp_path / "rows.jsonl", [row(clones[1], patch, n) for n, patch in enumerate(patches)])
    tasks, _ = build(path, clones[0])
    assert len(tasks) == 3
    for task in tasks:
        columns = {name: [task[name]] for name in ("files", "reference")}  # type: ignore[literal-required]
        for name in ("similarity", "applies", "format"):
            assert REWARDS[name]([reference_answer(task)], **columns) == [1.0]
    assert "shop/new.py" in files_from_rows(tasks[2]["reference"])
    assert "shop/price.py" not in files_from_rows(tasks[1]["reference"])


def test_the_order_of_files_says_nothing_and_is_the_same_every_time(tmp_path: Path, clones: tuple[Path, str]) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [row(clones[1], PATCH, n) for n in range(40)])
    tasks, _ = build(path, clones[0], distractors=2)
    assert len(tasks) == 1  # equal content is kept once
    places = set()
    for number in range(12):
        single = write_rows(tmp_path / f"{number}.jsonl", [row(clones[1], PATCH, number)])
        (task,), _ = build(single, clones[0])
        assert build(single, clones[0])[0] == [task]
        places.add([file["path"] for file in task["files"]].index("shop/price.py"))
    assert len(places) > 1


def test_the_instance_is_known_to_predictions_and_tests_are_kept_as_provenance(
    tmp_path: Path, clones: tuple[Path, str]
) -> None:
    (task,), _ = one(tmp_path, clones, PATCH)
    about = json.loads(task["source"])
    assert instance_id(task) == "acme__shop-1"
    assert about["fail_to_pass"] == ["shop/test_price.py::test_price"]
    assert (about["repo"], about["commit"], about["changed"]) == ("acme/shop", clones[1], ["shop/price.py"])


def test_rows_of_swe_gym_with_lists_are_read_from_parquet(tmp_path: Path, clones: tuple[Path, str]) -> None:
    content = [row(clones[1], PATCH, FAIL_TO_PASS=["a::b"], PASS_TO_PASS=["c::d"])]
    pq.write_table(pa.Table.from_pylist(content), tmp_path / "train-00000-of-00001.parquet")
    (task,), _ = build(tmp_path, clones[0])
    assert json.loads(task["source"])["pass_to_pass"] == ["c::d"]


def test_a_long_file_is_cut_to_a_window_around_the_change_and_the_cut_is_marked(tmp_path: Path) -> None:
    lines = [f"x{number} = {number}\n" for number in range(3000)]
    repository = Repository(tmp_path / "clones" / "acme" / "shop")
    base = repository.commit("Start", {"big.py": "".join(lines), "near.py": "".join(lines)})
    after = [*lines]
    after[1500] = "x1500 = 0\n"
    patch = render_unified({"big.py": "".join(lines)}, {"big.py": "".join(after)})
    path = write_rows(tmp_path / "rows.jsonl", [row(base, patch)])
    (task,), _ = build(path, tmp_path / "clones", window_chars=2000)
    user = task["prompt"][1]["content"]
    assert len(user) < 6000
    assert "x1500 = 1500\n" in user
    assert user.count("lines of the file, lines") == 2
    columns = {name: [task[name]] for name in ("files", "reference")}  # type: ignore[literal-required]
    assert REWARDS["similarity"]([reference_answer(task)], **columns) == [1.0]


def test_long_files_stay_short_in_the_prompt_and_their_windows_do_not_tell_which_is_repaired(tmp_path: Path) -> None:
    text = "import sys\n" + "".join(f"name{number} = {number}\n" for number in range(1500))
    before = {"big.py": text, "gone.py": text + "last = 1\n", "near.py": text + "last = 2\n"}
    base = Repository(tmp_path / "clones" / "acme" / "shop").commit("Start", {**before})
    after = {"big.py": "import os\n" + text + "last = 3\n", "near.py": before["near.py"]}
    path = write_rows(tmp_path / "rows.jsonl", [row(base, render_unified(before, after))])
    (task,), _ = build(path, tmp_path / "clones", window_chars=2000)
    assert set(files_from_rows(task["reference"])) == {"big.py", "near.py"}
    user = task["prompt"][1]["content"]
    assert len(user) < 3 * 2000 + 1000
    assert user.count("\n[… lines ") == 3  # one in each file: shown, deleted and repaired ones alike


def test_a_change_that_what_can_be_shown_does_not_tell_from_like_lines_is_dropped(tmp_path: Path) -> None:
    text = "".join(
        f"def f{n}():\n    return None\n" + "".join(f"x{n}_{m} = 0\n" for m in range(300)) for n in range(30)
    )
    base = Repository(tmp_path / "clones" / "acme" / "shop").commit("Start", {"big.py": text})
    at = text.rindex("None")
    patch = render_unified({"big.py": text}, {"big.py": text[:at] + "1" + text[at + 4 :]})
    _, report = build(write_rows(tmp_path / "rows.jsonl", [row(base, patch)]), tmp_path / "clones", window_chars=2000)
    assert report.dropped == {UNCLEAR: 1}


def test_a_fix_may_delete_an_empty_file(tmp_path: Path) -> None:
    before = {"pkg/__init__.py": "", "pkg/a.py": "A = 1\n"}
    base = Repository(tmp_path / "clones" / "acme" / "shop").commit("Start", {**before})
    patch = render_unified(before, {"pkg/a.py": "A = 2\n"})
    (task,), _ = build(write_rows(tmp_path / "rows.jsonl", [row(base, patch)]), tmp_path / "clones")
    assert files_from_rows(task["files"]) == before
    assert files_from_rows(task["reference"]) == {"pkg/a.py": "A = 2\n"}


def test_names_as_git_quotes_them_are_understood(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "clones" / "acme" / "shop")
    base = repository.commit("Start", {"pkg/é.py": "A = 1\n", "pkg/日本.py": "B = 1\n"})
    repository.commit("Fix", {"pkg/é.py": "A = 2\n", "pkg/日本.py": None})
    patch = repository.git("diff", base, "HEAD") + "\n"
    assert "\\303\\251" in patch
    (task,), _ = build(write_rows(tmp_path / "rows.jsonl", [row(base, patch)]), tmp_path / "clones")
    assert files_from_rows(task["reference"]) == {"pkg/é.py": "A = 2\n"}


RENAME = "diff --git a/old.py b/new.py\nsimilarity index 100%\nrename from old.py\nrename to new.py\n"
BINARY = "diff --git a/logo.png b/logo.png\nindex 1..2 100644\nBinary files a/logo.png and b/logo.png differ\n"
GIT_BINARY = "diff --git a/logo.png b/logo.png\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ\n"
MODE = "diff --git a/old.py b/old.py\nold mode 100644\nnew mode 100755\n"
LINK = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+old.py\n"


@pytest.mark.parametrize(
    ("patch", "changes", "reason"),
    [
        (RENAME, {}, "renames a file"),
        (PATCH + RENAME, {}, "renames a file"),
        (BINARY, {}, "changes a binary file"),
        (PATCH + GIT_BINARY, {}, "changes a binary file"),
        (MODE, {}, "changes no file's content"),
        (LINK, {}, "changes a symbolic link or a submodule"),
        (PATCH, {"repo": "acme/unknown"}, "no local clone of its repository"),
        (PATCH, {"base_commit": "f" * 40}, "its commit is not in the local clone"),
        ("", {}, "changes no file's content"),
    ],
)
def test_what_makes_no_task_is_dropped_with_the_reason(
    tmp_path: Path, clones: tuple[Path, str], patch: str, changes: dict[str, Any], reason: str
) -> None:
    tasks, report = one(tmp_path, clones, patch, **changes)
    assert not tasks
    assert report.dropped == {reason: 1}


def test_a_commit_that_is_fetched_later_is_found_by_the_next_build(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    origin.commit("Start", BASE)
    clone = Repository(tmp_path / "clones" / "acme__shop")
    clone.git("fetch", "-q", str(origin.folder), "main")
    base = origin.commit("Later", {"shop/more.py": "M = 1\n"})
    path = write_rows(tmp_path / "rows.jsonl", [row(base, PATCH)])
    options = {"kind": "repair", "split": "all", "clones": str(tmp_path / "clones")}
    with pytest.raises(DataError, match="its commit is not in the local clone"):
        load_tasks(f"swe:{path}", **options)
    clone.git("fetch", "-q", str(origin.folder), "main")
    assert len(load_tasks(f"swe:{path}", **options)) == 1


def test_a_partial_clone_is_refused_with_what_to_do_and_then_read(tmp_path: Path, clones: tuple[Path, str]) -> None:
    clone = Repository.at(clones[0] / "acme__shop").partial_clone(tmp_path / "clones" / "acme__shop.git").folder
    path = str(write_rows(tmp_path / "rows.jsonl", [row(clones[1], PATCH)]))
    asked = {"source": "swe", "kind": "repair", "split": "all", "path": path, "clones": str(clone.parent)}
    command = f"git -C {clone} fetch --refetch --no-filter"
    with pytest.raises(DataError, match=rf"^{clone}: was cloned without its files .* network: {command}$"):
        load_tasks(**asked)
    subprocess.run(command.split(), check=True, capture_output=True)
    assert len(load_tasks(**asked)) == 1


def test_a_clone_that_git_cannot_read_stops_the_build_in_gits_words(tmp_path: Path, clones: tuple[Path, str]) -> None:
    folder = tmp_path / "clones" / "acme__shop"
    folder.mkdir(parents=True)
    (folder / ".git").write_text("no git here\n")
    path = write_rows(tmp_path / "rows.jsonl", [row(clones[1], PATCH)])
    with pytest.raises(DataError, match=r"acme__shop: .*\(fatal: invalid gitfile format"):
        build(path, tmp_path / "clones")
    with pytest.raises(DataError, match=r"acme__shop: .*\(fatal: invalid gitfile format"):
        load_tasks(f"swe:{path}", kind="repair", split="all", clones=str(tmp_path / "clones"))


def test_without_git_the_build_says_so(
    tmp_path: Path, clones: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="git is not installed"):
        one(tmp_path, clones, PATCH)


def test_too_many_files_are_dropped(tmp_path: Path, clones: tuple[Path, str]) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [row(clones[1], change(shop__price="A = 1\n", shop__cart="B = 1\n"))])
    assert build(path, clones[0], max_changed_files=1)[1].dropped == {"changes more than 1 files": 1}
    assert build(path, clones[0], max_changed_files=2)[1].kept == 1


def bad(tmp_path: Path, clones: tuple[Path, str], *rows: dict[str, Any]) -> str:
    with pytest.raises(DataError) as error:
        build(write_rows(tmp_path / "rows.jsonl", list(rows)), clones[0])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_patch_that_does_not_apply_to_its_files_is_a_bad_row(tmp_path: Path, clones: tuple[Path, str]) -> None:
    other = PATCH.replace("-    return count * 3", "-    return count * 7")
    message = bad(tmp_path, clones, row(clones[1], PATCH), row(clones[1], other, 2))
    assert message.startswith("rows.jsonl row 2: the patch does not apply to acme/shop at")


def test_a_patch_that_is_no_diff_is_a_bad_row(tmp_path: Path, clones: tuple[Path, str]) -> None:
    message = bad(tmp_path, clones, row(clones[1], PATCH.replace("@@ -1,2", "@@ -1,9")))
    assert message.startswith("rows.jsonl row 1: the patch is malformed at its line 4: ")


def test_duplicate_instances_are_bad_rows(tmp_path: Path, clones: tuple[Path, str]) -> None:
    message = bad(tmp_path, clones, row(clones[1], PATCH), row(clones[1], change(old=None)))
    assert "rows.jsonl row 2: duplicate instance_id 'acme__shop-1'" in message


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"patch": None}, "row 1: column patch is missing; a row of SWE-bench has instance_id, repo, base_commit"),
        ({"base_commit": "main"}, "row 1: column base_commit must be a commit's hash, not 'main'"),
        ({"repo": "../../etc"}, "row 1: column repo must be owner/name"),
        ({"FAIL_TO_PASS": "["}, "row 1: column FAIL_TO_PASS must be a list of tests"),
        ({"PASS_TO_PASS": [1]}, "row 1: column PASS_TO_PASS must be a list of tests"),
    ],
)
def test_a_schema_that_changed_is_named(
    tmp_path: Path, clones: tuple[Path, str], changes: dict[str, Any], complaint: str
) -> None:
    assert complaint in bad(tmp_path, clones, {**row(clones[1], PATCH), **changes})


def test_options_are_checked(tmp_path: Path) -> None:
    for options, message in (
        ({}, "needs path="),
        ({"path": "x"}, "needs clones="),
        ({"path": "x", "clones": str(tmp_path / "no")}, "there is no such folder"),
        ({"path": "x", "clones": str(tmp_path), "distractors": -1}, "0 or more"),
    ):
        with pytest.raises(ConfigError, match=message):
            make_plan("swe", kind="repair", split="all", options=options)


def test_patches_are_read_for_their_paths_and_problems() -> None:
    assert patched_paths(PATCH) == ["shop/price.py"]
    assert patched_paths("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n") == ["x.py"]
    assert patched_paths(change(shop__new="N = 1\n", old=None)) == ["old.py", "shop/new.py"]
    assert patch_problem(PATCH) == ""
