"""PrimeVul: pairs are found by commit in any order of rows, splits share no function, verdicts and labels are checked."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from crrl.cwe import BENIGN
from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.filters import load_tokenizer
from crrl.data.hub import says
from crrl.data.sources.primevul.rows import function_name
from crrl.errors import ConfigError, DataError
from crrl.evaluate.baselines import reference_answer
from crrl.rewards import REWARDS
from crrl.schema import TaskRow, pair_of
from crrl.train.tiny import build_tiny_model
from tests.data.rows import write_rows


def func(number: int, *, fixed: bool, name: str = "") -> str:
    check = f"    if (length > {number + 8}) return -1;\n" if fixed else ""
    return (
        f"static int {name or f'read_{number}'}(const char *from, unsigned length)\n{{\n    char into[{number + 8}];\n"
        f"{check}    for (unsigned i = 0; i < length; i++)\n        into[i] = from[i] + {number};\n"
        f"    return into[0] + into[{number + 1}];\n}}"
    )


def official(number: int, target: int, **changes: Any) -> dict[str, Any]:
    """A row in the schema of the official JSON lines, where a file is known for some rows only."""
    file_name = f"read_{number}.c" if number % 2 else "None"
    return {
        "idx": 2 * number + target,
        "project": f"project{number % 3}",
        "commit_id": f"{number:040x}",
        "project_url": "https://example.invalid/project",
        "commit_url": "https://example.invalid/commit",
        "commit_message": "Check the length",
        "target": target,
        "func": func(number, fixed=not target),
        "func_hash": 10**30 + number,
        "file_name": file_name,
        "file_hash": None if file_name == "None" else 10**29 + number,
        "cwe": ["CWE-787"] if number % 2 else ["CWE-125"],
        "cve": f"CVE-2020-{number:04d}",
        "cve_desc": f"A crafted file number {number} is copied without a check.",
        "nvd_url": "https://example.invalid/nvd",
        **changes,
    }


def on_the_hub(number: int, target: int, **changes: Any) -> dict[str, Any]:
    """A row in the schema of the copy on the hub."""
    row = official(number, target)
    kept = {name: row[name] for name in ("project", "commit_id", "func", "cwe")}
    return {
        **kept,
        "big_vul_idx": number,
        "hash": number,
        "size": 9,
        "message": "…",
        "is_vulnerable": bool(target),
        "cwe_description": f"Weakness {number} writes past the end.",
        **changes,
    }


def pairs(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [official(number, target) for number in range(first, first + count) for target in (1, 0)]


def build(path: Path, kind: str = "classify", split: str = "all", **options: Any) -> tuple[list[TaskRow], Report]:
    plan = make_plan("primevul", kind=kind, split=split, options={"path": str(path), **options})
    report = Report()
    return list(build_tasks(plan, report)), report


def rows(folder: Path, content: list[dict[str, Any]], name: str = "primevul_train_paired.jsonl") -> Path:
    return write_rows(folder / name, content)


def test_both_halves_of_a_pair_are_asked_and_half_of_the_tasks_is_benign(tmp_path: Path) -> None:
    tasks, report = build(rows(tmp_path, pairs(10)))
    assert Counter(task["label"] for task in tasks) == {BENIGN: 10, "CWE-787": 5, "CWE-125": 5}
    assert set(Counter(pair_of(task["source"]) for task in tasks).values()) == {2}
    assert report.kept == report.read == 20
    for task in tasks:
        assert REWARDS["label"]([reference_answer(task)], label=[task["label"]]) == [1.0]


def test_the_order_of_rows_changes_no_pair(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    mixed = pairs(30)
    random.Random(1).shuffle(mixed)
    in_order, shuffled = build(rows(tmp_path, pairs(30)))[0], build(rows(tmp_path / "b", mixed))[0]
    key = lambda task: (task["task_id"], task["label"], pair_of(task["source"]))  # noqa: E731
    assert sorted(map(key, in_order)) == sorted(map(key, shuffled))


def test_the_order_within_a_pair_says_nothing(tmp_path: Path) -> None:
    tasks, _ = build(rows(tmp_path, pairs(200)))
    assert 60 < sum(task["label"] == BENIGN for task in tasks[::2]) < 140


def test_repairs_go_from_the_vulnerable_to_the_fixed_function(tmp_path: Path) -> None:
    tasks, _ = build(rows(tmp_path, pairs(6)), "repair")
    assert len(tasks) == 6
    for number, task in enumerate(tasks):
        path = f"read_{number}.c" if number % 2 else "function.c"
        assert task["files"] == [{"path": path, "text": func(number, fixed=False)}]
        assert task["reference"][0]["text"] == func(number, fixed=True)
        user = task["prompt"][1]["content"]
        assert f"A crafted file number {number}" in user
        assert "if (length" not in user
        columns = {name: [task[name]] for name in ("files", "reference")}  # type: ignore[literal-required]
        assert REWARDS["similarity"]([reference_answer(task)], **columns) == [1.0]


def test_the_copy_on_the_hub_gives_the_same_pairs_from_parquet(tmp_path: Path) -> None:
    content = [on_the_hub(number, target) for number in range(6) for target in (0, 1)]
    pq.write_table(pa.Table.from_pylist(content), tmp_path / "train_paired-00000-of-00001.parquet")
    labels = Counter(task["label"] for task in build(tmp_path)[0])
    assert labels == {BENIGN: 6, "CWE-787": 3, "CWE-125": 3}
    for number, task in enumerate(build(tmp_path, "repair")[0]):
        assert f"Weakness {number} writes past the end." in task["prompt"][1]["content"]


def test_several_functions_of_one_commit_are_paired_by_name_and_file(tmp_path: Path) -> None:
    commit = "c" * 40
    content = []
    for number in (1, 2, 3):
        for target in (1, 0):
            same = {"commit_id": commit, "project": "p", "file_name": f"f{number}.c"}
            content.append(official(number, target, func=func(number, fixed=not target, name="read"), **same))
    random.Random(3).shuffle(content)
    tasks, _ = build(rows(tmp_path, content), "repair")
    assert len(tasks) == 3
    for task in tasks:
        size = task["files"][0]["text"].partition("into[")[2].partition("]")[0]
        assert f"into[{size}]" in task["reference"][0]["text"]


def test_functions_of_two_names_are_no_pair_however_alike_they_are(tmp_path: Path) -> None:
    """As `relocs` and `maps`, one right under the other, of the published test set."""
    body = "\tcheck(file && file->o, NULL);\n\tObj *obj = file->o;\n\treturn copy(obj->{0});\n"
    getter = f"static List *{{0}}(File *file) {{{{\n{body}}}}}"
    content = [official(1, 1, func=getter.format("relocs")), official(1, 0, func=getter.format("maps"))]
    tasks, report = build(rows(tmp_path, [*pairs(3, 10), *content]), "repair")
    assert len(tasks) == 3
    assert report.dropped == {"no partner of its name in its commit": 2}


@pytest.mark.parametrize(
    "macro", ["PHP_FUNCTION({})", "PHP_METHOD(Phar, {})", "SYSCALL_DEFINE2({}, int, fd, long, at)"]
)
def test_functions_that_a_macro_names_are_told_apart(tmp_path: Path, macro: str) -> None:
    def text(name: str, *, fixed: bool) -> str:
        check = "\tif (at < 0)\n\t\treturn;\n" if fixed else ""
        return f"{macro.format(name)}\n{{\n\tlong at = 0;\n{check}\trun(at, {name}_of(at));\n}}"

    both = [official(1, target, func=text(name, fixed=not target)) for name in ("lock", "unlock") for target in (1, 0)]
    apart = [official(3, 1, func=text("lock", fixed=False)), official(3, 0, func=text("unlock", fixed=True))]
    tasks, report = build(rows(tmp_path, [*both, *pairs(2, 10), *apart]), "repair")
    assert report.dropped == {"no partner of its name in its commit": 2}
    made = {(task["files"][0]["text"], task["reference"][0]["text"]) for task in tasks}
    assert {(text(name, fixed=False), text(name, fixed=True)) for name in ("lock", "unlock")} < made


def open_folder(version: int, *, fixed: bool) -> str:
    """One of several functions of one name that differ in a few words only."""
    check = "\tif (check_folder(dir) == FALSE)\n\t\tgoto corrupted;\n" if fixed else ""
    steps = "".join(f"\tstep_{number}(dir, buffer);\n" for number in range(20))
    return (
        f"static struct dir *squashfs_opendir(unsigned int start)\n{{\n\tstruct header_{version} header;\n"
        f"\tread_{version}(&header, start);\n{steps}{check}\treturn dir;\n}}"
    )


@pytest.mark.parametrize("file_name", ["None", "unsquash.c"])
def test_of_several_functions_of_one_name_those_most_like_each_other_are_pairs(tmp_path: Path, file_name: str) -> None:
    """As rows 204016, 349259, 204017, 349259 of the published test set: the repair of one comes twice, of the other never."""
    texts = [
        (1, open_folder(2, fixed=False)),
        (0, open_folder(3, fixed=True)),
        (1, open_folder(3, fixed=False)),
        (0, open_folder(3, fixed=True)),
    ]
    content = [official(1, target, func=text, file_name=file_name) for target, text in texts]
    (task,), report = build(rows(tmp_path, content), "repair")
    assert (task["files"][0]["text"], task["reference"][0]["text"]) == (texts[2][1], texts[1][1])
    assert report.dropped == {
        "several functions of this name in one commit": 1,
        "the same function with the same verdict as in an earlier row of its commit": 1,
    }


def test_of_several_functions_that_are_equally_alike_none_is_a_pair(tmp_path: Path) -> None:
    repairs = [official(1, 0, func=func(1, fixed=True) + f"\nint {name};") for name in ("a", "b")]
    tasks, report = build(rows(tmp_path, [official(1, 1), *repairs, *pairs(1)]), "repair")
    assert len(tasks) == 1
    assert report.dropped == {"several functions of this name in one commit": 3}


def test_one_row_without_a_partner_does_not_stop_a_file_of_pairs(tmp_path: Path) -> None:
    tasks, report = build(rows(tmp_path, [*pairs(2), official(7, 1)]))
    assert len(tasks) == 4
    assert report.dropped == {"no partner of its name in its commit": 1}


def test_a_pair_lies_in_one_split_and_no_function_in_two(tmp_path: Path) -> None:
    path = rows(tmp_path, pairs(60))
    options = {"splits": "commit", "heldout_share": 0.3}
    train, heldout = (build(path, split=split, **options)[0] for split in ("train", "heldout"))
    assert len(train) + len(heldout) == 120
    assert heldout
    assert not {pair_of(task["source"]) for task in train} & {pair_of(task["source"]) for task in heldout}
    assert not {task["files"][0]["text"] for task in train} & {task["files"][0]["text"] for task in heldout}


def test_published_splits_are_kept_and_training_gives_way_where_they_share_a_function(tmp_path: Path) -> None:
    shared = [
        official(1, target, commit_id="d" * 40, func=func(1, fixed=not target).replace("    ", "\t"))
        for target in (1, 0)
    ]
    rows(tmp_path, pairs(4))
    rows(tmp_path, [*pairs(2, 10), *shared], "primevul_test_paired.jsonl")
    rows(tmp_path, pairs(2, 20), "primevul_valid_paired.jsonl")
    train, report = build(tmp_path, "repair", "train")
    assert len(train) == 3
    assert report.dropped == {"a function that the split heldout has as well": 1}
    assert len(build(tmp_path, "repair", "heldout")[0]) == 5


def test_rows_with_several_weaknesses_accept_each(tmp_path: Path) -> None:
    both = [official(1, target, cwe=["CWE-787", "CWE-125", "NVD-CWE-Other"]) for target in (1, 0)]
    tasks, _ = build(rows(tmp_path, both))
    (label,) = {task["label"] for task in tasks} - {BENIGN}
    assert label == "CWE-125, CWE-787"
    assert REWARDS["label"](["CWE-787", "CWE-125", label], label=[label] * 3) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("cwe", ["CWE-787", "['CWE-787']", "CWE-787, NVD-CWE-Other"])
def test_weaknesses_written_as_text_are_read(tmp_path: Path, cwe: str) -> None:
    tasks, _ = build(rows(tmp_path, [official(1, target, cwe=cwe) for target in (1, 0)]))
    assert {task["label"] for task in tasks} == {BENIGN, "CWE-787"}


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("classify", [official(1, target, cwe=["NVD-CWE-noinfo"]) for target in (1, 0)], "no CWE id"),
        (
            "classify",
            [official(1, t, func=func(1, fixed=not t) + "\n/*" + "x" * 30_000 + "*/") for t in (1, 0)],
            "more than 20000",
        ),
        (
            "classify",
            [
                *pairs(1, 1),
                official(1, 0, commit_id="e" * 40, func=func(1, fixed=False)),
                official(1, 1, commit_id="e" * 40, func=func(1, fixed=False) + "\nint x;"),
            ],
            "contradictory labels: the same function has the other verdict in another commit",
        ),
    ],
)
def test_a_sound_row_that_makes_no_task_is_dropped(tmp_path: Path, kind: str, content: list[Any], reason: str) -> None:
    report = build(rows(tmp_path, [*content, *pairs(1, 50)]), kind)[1]
    assert any(reason in dropped for dropped in report.dropped)


def test_files_of_pairs_are_told_from_unpaired_ones_and_from_their_folders_name(tmp_path: Path) -> None:
    folder = tmp_path / "paired"
    folder.mkdir()
    rows(folder, pairs(3))
    single = [official(number, number % 2) for number in range(30, 40)]
    rows(folder, [*single, *pairs(3)], "primevul_train_unpaired.jsonl")
    assert len(build(folder)[0]) == 6
    assert len(build(folder, files="")[0]) == 6
    with pytest.raises(DataError, match="no file of rows has 'paired', as whole words"):
        build(tmp_path / "paired" / "primevul_train_unpaired.jsonl")


@pytest.mark.parametrize(
    ("path", "words", "has"),
    [
        ("data/train_paired-00000-of-00001.parquet", "train_paired", True),
        ("primevul_train_paired.jsonl", "paired", True),
        ("train_unpaired.jsonl", "paired", False),
        ("train/paired.jsonl", "train_paired", True),
        ("paired_train.jsonl", "train_paired", False),
        ("any.jsonl", "", True),
    ],
)
def test_words_of_a_path_are_whole_and_in_a_row(path: str, words: str, has: bool) -> None:
    assert says(path, words) == has


@pytest.mark.parametrize("names", [("a.c", "a.c"), ("", ""), ("a.c", "b.c")])
def test_rows_that_come_twice_count_once_and_their_weaknesses_together(tmp_path: Path, names: tuple[str, str]) -> None:
    first = [official(1, target, file_name=names[0]) for target in (1, 0)]
    second = [official(1, target, file_name=names[1], cwe=["CWE-119"]) for target in (1, 0)]
    tasks, report = build(rows(tmp_path, [*first, *second]))
    assert sorted(task["label"] for task in tasks) == ["CWE-119, CWE-787", BENIGN]
    assert sum(report.dropped.values()) == 2


@pytest.mark.parametrize("name", ["None", "other.c", "read_1.c"])
def test_a_repair_that_comes_twice_is_still_a_partner(tmp_path: Path, name: str) -> None:
    tasks, report = build(rows(tmp_path, [*pairs(1, 1), official(1, 0, file_name=name)]))
    assert len(tasks) == 2
    assert report.dropped == {"the same function with the same verdict as in an earlier row of its commit": 1}


def test_of_several_repairs_of_one_function_the_nearest_is_kept(tmp_path: Path) -> None:
    other = official(1, 0, func=func(1, fixed=True) + "\nint checked;")
    tasks, report = build(rows(tmp_path, [*pairs(1, 1), other, *pairs(1)]), "repair")
    assert [task["reference"][0]["text"] for task in tasks] == [func(1, fixed=True), func(0, fixed=True)]
    assert report.dropped == {"several functions of this name in one commit": 1}


def test_a_function_that_has_other_weaknesses_in_another_commit_is_dropped(tmp_path: Path) -> None:
    again = [
        official(1, 1, commit_id="e" * 40, cwe=["CWE-416"]),
        official(1, 0, commit_id="e" * 40, func=func(1, fixed=True) + "\nint checked;"),
    ]
    path = rows(tmp_path, [*pairs(3), *again])
    tasks, report = build(path)
    assert report.dropped == {"contradictory labels: the same function has other CWE ids in another commit": 2}
    assert len(tasks) == 4
    assert len(build(path, "repair")[0]) == 4


def test_a_function_that_was_rewritten_is_dropped_with_the_reason(tmp_path: Path) -> None:
    new = "static int read_1(const char *from, unsigned length)\n{\n    return copy(from, length) ? -1 : 0;\n}\n"
    tasks, report = build(rows(tmp_path, [*pairs(1), official(1, 1), official(1, 0, func=new)]))
    assert len(tasks) == 2
    assert report.dropped == {"a function and its repair have less than half of their words in common": 2}


def test_both_halves_of_a_pair_are_kept_or_neither(tmp_path: Path) -> None:
    again = [
        official(1, 1, project="project1", commit_id="e" * 40),
        official(1, 0, project="project1", commit_id="e" * 40, func=func(1, fixed=True) + "\nint checked;"),
    ]
    tasks, report = build(rows(tmp_path, [*pairs(3), *again]))
    assert Counter(task["label"] == BENIGN for task in tasks) == {True: 3, False: 3}
    assert report.dropped == {"same content as an earlier row": 1, "goes with another task that is left out": 1}


def test_a_prompt_that_is_too_long_takes_its_pair_with_it(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(build_tiny_model(1)))
    path = rows(tmp_path, pairs(5))
    tasks, _ = build(path)
    lengths = [
        len(
            tokenizer(tokenizer.apply_chat_template(task["prompt"], add_generation_prompt=True, tokenize=False))[
                "input_ids"
            ]
        )
        for task in tasks
    ]
    limit = sorted(lengths)[len(lengths) // 2]
    kept, report = build(path, max_prompt_tokens=limit, tokenizer=tokenizer)
    assert set(Counter(pair_of(task["source"]) for task in kept).values()) <= {2}
    assert report.dropped["goes with another task that is left out"] > 0


@pytest.mark.parametrize(("wanted", "kept"), [(7, 6), (8, 8), (1, 0)])
def test_a_number_of_rows_is_made_of_whole_pairs(tmp_path: Path, wanted: int, kept: int) -> None:
    tasks, report = build(rows(tmp_path, pairs(10)), rows=wanted)
    assert len(tasks) == report.kept == report.read == kept
    assert 2 * sum(task["label"] == BENIGN for task in tasks) == kept


def test_unpaired_files_may_hold_single_rows(tmp_path: Path) -> None:
    path = rows(tmp_path, [*pairs(1), official(5, 1), official(6, 0)], "primevul_train.jsonl")
    tasks, report = build(path, files="")
    assert len(tasks) == 2
    assert report.dropped == {"no partner of its name in its commit": 2}


def bad(tmp_path: Path, content: list[Any], **options: Any) -> str:
    with pytest.raises(DataError) as error:
        build(rows(tmp_path, content), **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("column", ["func", "commit_id", "target"])
def test_shuffled_columns_of_a_paired_file_are_found(tmp_path: Path, column: str) -> None:
    content = pairs(100)
    values = [row[column] for row in content]
    random.Random(2).shuffle(values)
    for row, other in zip(content, values, strict=True):
        row[column] = other
    message = bad(tmp_path, content)
    assert message.startswith("primevul_train_paired.jsonl row ")
    assert "of the 200 rows of its file, though the file is of pairs: are its columns shuffled?" in message


def test_contradictory_labels_in_a_commit_are_named_with_both_rows(tmp_path: Path) -> None:
    content = [*pairs(2), official(5, 1), official(5, 0, func=func(5, fixed=False))]
    message = bad(tmp_path, content)
    assert message.startswith("primevul_train_paired.jsonl row 5: contradictory labels")
    assert "primevul_train_paired.jsonl row 6" in message


def test_inverted_verdicts_are_refused_until_they_are_turned_round(tmp_path: Path) -> None:
    content = [{**row, "target": 1 - row["target"]} for row in pairs(60)]
    assert "verdicts look inverted: the benign function is the shorter one in 60 of 60 pairs" in bad(tmp_path, content)
    turned, _ = build(tmp_path, "repair", verdicts="inverted")
    assert turned[0]["files"][0]["text"] == func(0, fixed=False)
    believed, _ = build(tmp_path, "repair", verdicts="as-named")
    assert believed[0]["files"][0]["text"] == func(0, fixed=True)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"func": None}, "row 3: column func is missing; a row of PrimeVul has project, commit_id, func, cwe"),
        (
            {"target": None},
            "row 3: column target is missing; a row of PrimeVul has project, commit_id, func, cwe, target,",
        ),
        ({"target": 2}, "row 3: column target (or is_vulnerable) must be 0 or 1, not 2"),
        ({"cwe": 787}, "row 3: column cwe must be a list of CWE ids, not 787"),
        ({"func": ""}, "row 3: column func must be text"),
    ],
)
def test_a_schema_that_changed_is_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    content = pairs(2)
    content[2] |= changes
    assert complaint in bad(tmp_path, content)


def test_files_without_a_split_in_their_name_are_refused(tmp_path: Path) -> None:
    path = rows(tmp_path, pairs(1), "paired.jsonl")
    with pytest.raises(DataError, match="has none of train, valid, test; splits=commit"):
        build(path)
    assert len(build(path, splits="commit")[0]) == 2


def test_a_file_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    rows(tmp_path, pairs(1))
    with pytest.raises(
        DataError,
        match=r"no file of rows has 'nope', as whole words, in its path; there are primevul_train_paired.jsonl",
    ):
        build(tmp_path, files="nope")


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="needs path="):
        make_plan("primevul", kind="classify", split="all", options={})
    with pytest.raises(ConfigError, match="must be published or commit"):
        make_plan("primevul", kind="classify", split="all", options={"path": "x", "splits": "row"})
    with pytest.raises(ConfigError, match="holds repair tasks, not classify"):
        make_plan("primevul-repair", kind="classify", split="all", options={"path": "x"})
    assert make_plan("primevul-repair:x", kind="repair", split="all", options={}).source.name == "primevul"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("static int\nread_file(const char *p)\n{ if (p) return f(p); }", "read_file"),
        ("void A::B::run(int (*f)(int)) const {}", "A::B::run"),
        ("__attribute__((noinline)) int g(void) { return 0; }", "g"),
        ("/* h(x) */ int k(int a) { return h(a); }", "k"),
        ("PHP_FUNCTION(openssl_encrypt)\n{", "PHP_FUNCTION(openssl_encrypt)"),
        ("/* {{{ proto */ PHP_METHOD(Phar, copy)\n{", "PHP_METHOD(Phar, copy)"),
        ("SYSCALL_DEFINE3(ioctl, unsigned int, fd, long, at)\n{", "SYSCALL_DEFINE3(ioctl)"),
        ("TEST_F(Reader, ReadsAll) {", "TEST_F(Reader, ReadsAll)"),
        ('DEFUN ("car", Fcar, Scar, 1, 1, 0)\n  (Lisp_Object list)\n{', 'DEFUN("car", Fcar)'),
        ("GLOBAL(void)\njpeg_start (j_ptr info, int at)\n{", "jpeg_start"),
        ("int AES(const char *from, int length)\n{", "AES"),
        ("bool A::operator==(const A& o) const {", "A::operator=="),
        ("bool operator ()(int x) {", "operator()"),
        ("A::operator const char *() const {", "A::operatorconstchar*"),
        ("A::A(int x) : B(x), c_(x) {", "A::A"),
        ("no function", ""),
    ],
)
def test_names_are_read_from_the_text(text: str, name: str) -> None:
    assert function_name(text) == name


def test_provenance_is_kept(tmp_path: Path) -> None:
    (task,), _ = build(rows(tmp_path, pairs(1)), "repair")
    about = json.loads(task["source"])
    assert (about["repo"], about["commit"], about["cve"]) == ("project0", "0" * 40, "CVE-2020-0000")
    assert about["row"] == "primevul_train_paired.jsonl row 1"
