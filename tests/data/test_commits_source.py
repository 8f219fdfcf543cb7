"""Bug fixes mined from a real git repository, and a reason for every commit that is none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from crrl.data import load_tasks
from crrl.data.rows import Dropped, Sourced
from crrl.data.sources.commits import CommitsOptions, identity, items
from crrl.errors import ConfigError, DataError
from crrl.schema import files_from_rows
from tests.data.rows import Repository

BROKEN = "def half(x):\n    return x * 2\n"
FIXED = "def half(x):\n    return x / 2\n"


def mined(repository: Repository, **options: object) -> list[Sourced | Dropped]:
    return list(items(CommitsOptions(path=str(repository.folder), **options)))  # type: ignore[arg-type]


def reasons(repository: Repository, **options: object) -> list[str]:
    return [item.reason for item in mined(repository, **options) if isinstance(item, Dropped)]


def test_a_fix_becomes_a_task_with_its_provenance(repository: Repository) -> None:
    repository.commit("Add half", {"half.py": BROKEN})
    sha = repository.commit("Fix half: divide", {"half.py": FIXED})
    found = [item for item in mined(repository) if isinstance(item, Sourced)]
    (task,) = [item.task for item in found]
    assert files_from_rows(task["files"]) == {"half.py": BROKEN}
    assert files_from_rows(task["reference"]) == {"half.py": FIXED}
    source = json.loads(task["source"])
    assert (source["commit"], source["subject"]) == (sha, "Fix half: divide")
    assert source["date"].startswith("2024-05-06")
    assert BROKEN in task["prompt"][-1]["content"]


def test_tests_are_left_out_of_the_prompt_and_of_the_fix(repository: Repository) -> None:
    repository.commit("Add half", {"half.py": BROKEN, "tests/test_half.py": "x = 1\n"})
    repository.commit("Fix half", {"half.py": FIXED, "tests/test_half.py": "assert half(2) == 1\n"})
    (task,) = [item.task for item in mined(repository) if isinstance(item, Sourced)]
    assert files_from_rows(task["files"]) == {"half.py": BROKEN}
    assert "test_half" not in task["prompt"][-1]["content"]


def test_every_other_commit_is_dropped_with_a_reason(repository: Repository) -> None:
    repository.commit("Add files", {"a.py": "a = 1\n", "b.py": "b = 1\n", "README.md": "x\n"})
    repository.commit("Say more", {"a.py": "a = 2\n"})
    repository.commit("Fix the readme", {"README.md": "y\n"})
    repository.commit("Fix a test", {"tests/test_a.py": "x = 1\n"})
    repository.commit("Fix nothing", {})
    repository.commit("Fix both", {"a.py": "a = 3\n", "b.py": "b = 3\n"})
    repository.commit("Fix with a long file", {"a.py": "a = 4\n" * 100})
    found = reasons(repository, max_files=1, max_changed_lines=50)
    assert found == [
        "more than 50 changed lines",
        "more than 1 files",
        "changes no file's content",
        "changes only tests",
        "changes no file of code",
        "subject does not sound like a fix",
        "subject does not sound like a fix",
    ]


def test_a_commit_that_takes_a_fix_back_is_none(repository: Repository) -> None:
    repository.commit("Add half", {"half.py": BROKEN})
    fix = repository.commit("Fix half", {"half.py": FIXED})
    repository.git("revert", "--no-edit", fix)
    repository.commit("Reverse the order: fix half", {"half.py": FIXED})
    assert reasons(repository) == ["reverts an earlier commit", "subject does not sound like a fix"]


def test_text_that_is_none_is_dropped(repository: Repository) -> None:
    repository.commit("Add", {"a.py": b"\xff\xfe\n"})
    repository.commit("Fix the encoding", {"a.py": "a = 1\n"})
    assert len(reasons(repository)) == 2


def test_created_and_deleted_files_are_part_of_a_fix(repository: Repository) -> None:
    repository.commit("Add", {"a.py": BROKEN, "old.py": "x = 1\n"})
    repository.commit("Fix half", {"a.py": FIXED, "new.py": "y = 1\n", "old.py": None})
    (task,) = [item.task for item in mined(repository) if isinstance(item, Sourced)]
    assert files_from_rows(task["files"]) == {"a.py": BROKEN, "old.py": "x = 1\n"}
    assert files_from_rows(task["reference"]) == {"a.py": FIXED, "new.py": "y = 1\n"}


@pytest.mark.parametrize("renames", [False, True])
def test_a_partial_clone_is_refused_with_what_to_do_and_then_read(
    repository: Repository, tmp_path: Path, renames: bool
) -> None:
    repository.commit("Add half", {"half.py": BROKEN, "old.py": "x = 1\ny = 2\n"})
    if renames:
        repository.commit("Move it", {"old.py": None, "new.py": "x = 1\ny = 3\n"})
    repository.commit("Fix half", {"half.py": FIXED})
    clone = repository.partial_clone(tmp_path / "clone.git")
    source = {"source": f"commits:{clone.folder}", "kind": "repair", "split": "all"}
    command = f"git -C {clone.folder} fetch --refetch --no-filter"
    with pytest.raises(DataError, match=rf"^{clone.folder}: was cloned without its files .* network: {command}$"):
        load_tasks(**source)
    subprocess.run(command.split(), check=True, capture_output=True)
    assert len(load_tasks(**source)) == 1


def test_a_file_that_a_whole_clone_has_lost_is_counted(repository: Repository) -> None:
    repository.commit("Add", {"half.py": BROKEN, "third.py": "x = 1\n"})
    repository.commit("Fix half", {"half.py": FIXED})
    repository.commit("Fix third", {"third.py": "x = 3\n"})
    lost = repository.git("rev-parse", "HEAD~1:third.py")
    (repository.folder / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    assert reasons(repository)[0] == "a file is missing in the repository"
    assert len([item for item in mined(repository) if isinstance(item, Sourced)]) == 1


def test_the_users_git_settings_change_nothing(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("Add half", {"half.py": BROKEN})
    repository.commit("Fix half", {"half.py": FIXED})
    plain = mined(repository)
    config = tmp_path / "gitconfig"
    config.write_text(
        "[diff]\n  noprefix = true\n  external = false\n  renames = copies\n[log]\n  showSignature = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert mined(repository) == plain


def test_identity_changes_with_head(repository: Repository) -> None:
    repository.commit("Add half", {"half.py": BROKEN})
    before = identity(CommitsOptions(path=str(repository.folder)))
    repository.commit("Fix half", {"half.py": FIXED})
    assert identity(CommitsOptions(path=str(repository.folder))) != before


def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path)):
        list(items(CommitsOptions(path=str(tmp_path))))


def test_a_message_that_is_no_pattern_is_refused() -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        CommitsOptions(path=".", message="(")
