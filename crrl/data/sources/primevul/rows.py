"""One row of PrimeVul, in the form of the official JSON lines or of its copy on the hub, as one form of ours.

idx, project, commit_id, …, target (0|1), func, func_hash, file_name, …, cwe [CWE-…], cve, cve_desc      official
project, commit_id, big_vul_idx, hash, func, cwe [CWE-…], cwe_description, is_vulnerable (bool), …       ASSERT-KTH/PrimeVul
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from crrl.cwe import is_cwe
from crrl.data.check_row import RowError
from crrl.data.read_table import missing_columns

COLUMNS = (
    "project",
    "commit_id",
    "func",
    "cwe",
    "target",
    "is_vulnerable",
    "file_name",
    "cve",
    "cve_desc",
    "cwe_description",
)
_FORM = "PrimeVul"
_NEEDED = ("project", "commit_id", "func", "cwe")
_KEYWORDS = frozenset(
    {"if", "for", "while", "switch", "return", "sizeof", "defined", "__attribute__", "__declspec", "alignas"}
)
_NAMED_OR_BRACKET = re.compile(
    r"(?<!\w)((?:[A-Za-z_][\w:]*::)?operator\b\s*(?:\(\s*\))?[^()]*|[A-Za-z_~][\w:~]*)\s*\(|[()]"
)
_MACRO = re.compile(r"[A-Z][A-Z0-9_]*")
_ARGUMENT = r'"[^"]*"|\w+'
_NAMING_ARGUMENTS = re.compile(rf"\s*({_ARGUMENT})\s*(?:,\s*({_ARGUMENT})\s*)?(?=[,)])")
_INITIALIZERS = re.compile(r"\)\s*:(?!:).*", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One function before or after the repair of a vulnerability."""

    project: str
    commit: str
    func: str
    is_vulnerable: bool
    cwes: tuple[str, ...]
    file_name: str = ""
    cve: str = ""
    about: str = ""
    """The vulnerability in words, where the set has them."""

    @property
    def name(self) -> str:
        """The function's name as far as its text tells it; "" if it does not."""
        return function_name(self.func)

    @property
    def content(self) -> str:
        """The same for two texts that differ in blanks only, as PrimeVul itself compares them (arXiv:2403.18624, section 3.2)."""
        return hashlib.sha256("".join(self.func.split()).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def checked_row(row: Mapping[str, Any]) -> Row:
    """The row in our form. Raises RowError for a column that is missing or of another type than published."""
    verdict_column = ("is_vulnerable" if row.get("is_vulnerable") is not None else "target",)
    if problem := missing_columns(dict(row), (*_NEEDED, *verdict_column), _FORM):
        raise RowError(problem)
    for column in ("project", "commit_id", "func"):
        if not isinstance(row[column], str) or not row[column].strip():
            raise RowError(f"column {column} must be text, not {row[column]!r:.60}")
    verdict = row.get("target") if row.get("target") is not None else row.get("is_vulnerable")
    if verdict not in (0, 1):  # True and False are
        raise RowError(f"column target (or is_vulnerable) must be 0 or 1, not {verdict!r}")
    return Row(
        project=row["project"],
        commit=row["commit_id"],
        func=row["func"],
        is_vulnerable=bool(verdict),
        cwes=_cwes(row["cwe"]),
        file_name=_text(row.get("file_name")),
        cve=_text(row.get("cve")),
        about=_text(row.get("cve_desc")) or _text(row.get("cwe_description")),
    )


def function_name(func: str) -> str:
    """The name of the function that a text defines; "" if none can be read.

    It is the first name before a parenthesis of what stands before the first brace. Where that is a macro, all in capitals, the
    name comes after it (`GLOBAL(void) start(int at)`), or is among its first two arguments:

    >>> function_name("PHP_METHOD(Phar, copy)\\n{}")
    'PHP_METHOD(Phar, copy)'
    """
    head = _INITIALIZERS.sub(")", _COMMENT.sub(" ", func).partition("{")[0])
    depth, found = 0, []
    for match in _NAMED_OR_BRACKET.finditer(head):
        if match[1] and depth == 0 and match[1] not in _KEYWORDS:
            found.append(match)
        depth += 1 if match[0].endswith("(") else -1
    plain = next((match for match in found if not _MACRO.fullmatch(match[1])), None)
    if plain:
        return "".join(plain[1].split())
    return _name_by_macro(found[0], head) if found else ""


def _name_by_macro(macro: re.Match[str], head: str) -> str:
    """The macro with its first two arguments, as far as each is one word or text; others are a function's parameters."""
    arguments = _NAMING_ARGUMENTS.match(head, macro.end())
    return f"{macro[1]}({', '.join(filter(None, arguments.groups()))})" if arguments else macro[1]


def in_order(cwes: Set[str]) -> tuple[str, ...]:
    """Weaknesses by number."""
    return tuple(sorted(cwes, key=lambda name: int(name[4:])))


def _cwes(value: Any) -> tuple[str, ...]:
    """`["CWE-787"]`, `"CWE-787"`, `"['CWE-787']"`, `["NVD-CWE-Other"]`: the weaknesses among them, sorted, each once."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value) if value.startswith("[") else re.split(r"[,\s]+", value)
        except (ValueError, SyntaxError):
            raise RowError(f"column cwe must be a list of CWE ids, not {value!r:.60}") from None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RowError(f"column cwe must be a list of CWE ids, not {value!r:.60}")
    return in_order({item for item in value if is_cwe(item)})


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) and value.strip() not in ("None", "nan") else ""
