"""Counts syntax errors in a process of its own, because tree-sitter must not read a model's text in the trainer.

Its parsers follow every reading of an ambiguous text: 40 KB of `a<b<a<b<…` as Java take 3.3 GB and 10 s, and 108 KB of
`a && b < …` as C++ took 20 GB and 70 s, although the progress callback was told to stop after 0.25 s (tree-sitter 0.26.1).
Here the kernel stops them: the limit on memory or on processor time ends this process, and `crrl.rewards.parse_errors` starts
another.

Run as a file, not as a module, so that it imports nothing but the grammars. One request a time on standard input, a header
`module function bytes` and then the text; the answer is one line, the number of error and missing nodes.
"""

import importlib
import resource
import signal
import sys
from functools import cache
from typing import Any

MEMORY_MB = 768
BASE_CPU_S = 0.1
CPU_S_PER_BYTE = 1e-6
"""Thirty times what ordinary code takes (30 KB a millisecond)."""


def serve() -> None:
    """Answers requests until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.readline():
        module, function, size = header.split()
        parser = _parser(module.decode(), function.decode())
        text = requests.read(int(size))
        # SIGPROF ends the process: processor time, so that a busy machine changes no score.
        signal.setitimer(signal.ITIMER_PROF, BASE_CPU_S + len(text) * CPU_S_PER_BYTE)
        count = _count_errors(parser.parse(text))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(b"%d\n" % count)
        answers.flush()


@cache
def _parser(module: str, function: str) -> Any:
    from tree_sitter import Language, Parser

    return Parser(Language(getattr(importlib.import_module(module), function)()))


def _count_errors(tree: Any) -> int:
    if not tree.root_node.has_error:
        return 0
    count, open_nodes = 0, [tree.root_node]
    while open_nodes:
        node = open_nodes.pop()
        count += node.is_error or node.is_missing
        open_nodes += [child for child in node.children if child.has_error]
    return max(count, 1)


if __name__ == "__main__":
    serve()
