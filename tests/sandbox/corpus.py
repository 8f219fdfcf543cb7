# ruff: noqa: E501  (a table: one program a line)
"""Programs whose whole outcome is known: every level, cold and warm, must give exactly this."""

from __future__ import annotations

from dataclasses import dataclass, field

from crrl.sandbox import Limits, Outcome

SCRIPT = ("python", "-S", "main.py")


@dataclass(frozen=True)
class Case:
    """A program and how it ends. stdout None: not compared; last_line: of stderr; after @ only its end."""

    name: str
    code: str
    kind: str = "passed"
    exit_code: int | None = 0
    stdout: str | None = ""
    last_line: str = ""
    report: bytes = b""
    stdin: bytes = b""
    command: tuple[str, ...] = SCRIPT
    files: dict[str, str] = field(default_factory=dict)
    limits: Limits = Limits()  # noqa: RUF009

    def tree(self) -> dict[str, str]:
        return {"main.py": self.code, **self.files}

    def differs(self, outcome: Outcome) -> str:
        """What is not as it must be; empty if all is."""
        found = (outcome.kind, outcome.exit_code, outcome.report)
        last_line = (outcome.stderr.rstrip().splitlines() or [""])[-1]
        is_said = last_line == self.last_line or (self.last_line[:1] == "@" and last_line.endswith(self.last_line[1:]))
        if found != (self.kind, self.exit_code, self.report) or not is_said:
            return f"{outcome}"
        return "" if self.stdout is None or outcome.stdout == self.stdout else f"{outcome.stdout!r}"


_MODULE = ("python", "-S", "-m", "pkg.mod", "x")
CASES = (
    Case("prints", "print(1)", stdout="1\n"),
    Case("both streams and a code", "import sys; print('o'); print('e', file=sys.stderr); sys.exit(7)", "failed", 7, "o\n", "e"),
    Case("exit with a text", "raise SystemExit('bye')", "failed", 1, "", "bye"),
    Case("exit with None", "raise SystemExit"),
    Case("exit with True", "raise SystemExit(True)", "failed", 1),
    Case("exit with 256", "raise SystemExit(256)"),
    Case("exit with a float", "raise SystemExit(1.5)", "failed", 1, "", "1.5"),
    Case("exit in a function that catches Exception", "import sys\ntry: sys.exit(3)\nexcept Exception: pass", "failed", 3),
    Case("an exception", "1 / 0", "failed", 1, "", "ZeroDivisionError: division by zero"),
    Case("a group of exceptions", "raise ExceptionGroup('g', [ValueError(1)])", "failed", 1, "", "    +------------------------------------"),
    Case("an excepthook", "import sys; sys.excepthook = lambda *a: print(a[0].__name__)\n1/0", "failed", 1, "ZeroDivisionError\n"),
    Case("no Python", "def (:", "failed", 1, "", "SyntaxError: invalid syntax"),
    Case("an unknown encoding", "# coding: nope\n", "failed", 1, "", "SyntaxError: encoding problem: nope"),
    Case("text that is no Unicode", "x = '\ud800'", "failed", 1, None, "@see https://peps.python.org/pep-0263/ for details"),
    Case("a signal", "import os; os.kill(os.getpid(), 11)", "crashed", -11),
    Case("abort", "import os; os.abort()", "crashed", -6, ""),
    Case("a caught signal", "import os, signal\nsignal.signal(10, lambda *_: print('got'))\nos.kill(os.getpid(), 10)", stdout="got\n"),
    Case("an interrupt", "import os; os.kill(os.getpid(), 2); import time; time.sleep(5)", "crashed", -2, "", "KeyboardInterrupt"),
    Case("no memory", "x = [0] * 10**10", "memory", 1, "", "MemoryError"),
    Case("recursion", "def f(): f()\nf()", "failed", 1, "", "RecursionError: maximum recursion depth exceeded"),
    Case("recursion that just fits", "def f(n): return n and f(n - 1)\nprint(f(990))", stdout="0\n"),
    Case("too late", "while True: pass", "timeout", -9, limits=Limits(wall_s=0.4)),
    Case("asleep", "import time; time.sleep(60)", "timeout", -9, limits=Limits(wall_s=0.4)),
    Case("too much processor time", "while True: pass", "timeout", -24, limits=Limits(wall_s=20.0, cpu_s=1.0)),
    Case("exit functions", "import atexit; atexit.register(print, 'bye')", stdout="bye\n"),
    Case("an exit function after an exception", "import atexit; atexit.register(print, 'bye')\n1/0", "failed", 1, "bye\n", "ZeroDivisionError: division by zero"),
    Case("a thread is waited for", "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('t'))).start()", stdout="t\n"),
    Case("a daemon thread is not", "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"),
    Case("an exception in a thread", "import threading\nthreading.Thread(target=lambda: 1/0).start()", last_line="ZeroDivisionError: division by zero"),
    Case("output without a newline", "print('x', end='')", stdout="x"),
    Case("a finalizer at the end", "class A:\n    def __del__(self): print('gone')\na = A()", stdout="gone\n"),
    Case("an open file at the end", "f = open('/dev/stdout', 'w'); f.write('late')", stdout="late"),
    Case("os._exit loses the buffer", "import os; print('lost'); os._exit(0)"),
    Case("a fork prints once", "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint('x')", stdout="x\nx\n"),
    Case("input", "print(input(), input())", stdout="a b\n", stdin=b"a\nb\n"),
    Case("input as bytes", "import sys; print(sys.stdin.buffer.read())", stdout="b'\\xff\\x00'\n", stdin=b"\xff\0"),
    Case("no input", "import sys; print(repr(sys.stdin.read()))", stdout="''\n"),
    Case("input that ends", "input()", "failed", 1, "", "EOFError: EOF when reading a line"),
    Case("a report", "import os; os.write(3, b'r' * 3)", report=b"rrr"),
    Case("a report by a child", "import subprocess, sys; subprocess.run(['sh', '-c', 'echo x >&3'], pass_fds=[3])", report=b"x\n"),
    Case("where and with what", "import os, sys; print(sorted(os.listdir()), sys.argv, __name__, os.path.basename(__file__))",
         stdout="['a', 'main.py'] ['main.py'] __main__ main.py\n", files={"a/b.txt": "x"}),
    Case("its folder comes first", "import sys, os; print(sys.path[0] == os.getcwd())", stdout="True\n"),
    Case("modules of the tree", "import a.b; print(a.b.X)", stdout="5\n", files={"a/__init__.py": "", "a/b.py": "X = 5"}),
    Case("a module of the tree with a library's name", "import json; print(json.X)", stdout="6\n", files={"json.py": "X = 6"}),
    Case("a package of the tree with a library's name", "import unittest; print(unittest.X)", stdout="7\n", files={"unittest/__init__.py": "X = 7"}),
    Case("a script in a folder", "", stdout="b\n", command=("python", "-S", "a/run.py"), files={"a/run.py": "import b", "a/b.py": "print('b')"}),
    Case("code", "", stdout="['-c', 'x'] '' __main__\n", command=("python", "-c", "import sys; print(sys.argv, repr(sys.path[0]), __name__)", "x")),
    Case("code that fails", "", "failed", 1, "", "ValueError: v", command=("python", "-c", "raise ValueError('v')")),
    Case("code that imports the tree", "", stdout="8\n", command=("python", "-c", "import m; print(m.X)"), files={"m.py": "X = 8"}),
    Case("a module", "", stdout="mod.py ['x'] __main__ pkg\n", command=_MODULE,
         files={"pkg/__init__.py": "", "pkg/mod.py": "import sys, os; print(os.path.basename(sys.argv[0]), sys.argv[1:], __name__, __package__)"}),
    Case("a module that is not there", "", "failed", 1, "", "@python: No module named nope", command=("python", "-S", "-m", "nope")),
    Case("unittest", "", "failed", 1, "", "FAILED (failures=1)", command=("python", "-m", "unittest", "-q", "t"),
         files={"t.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 2)\n"}),
    Case("doctest", "", stdout="", command=("python", "-m", "doctest", "d.txt"), files={"d.txt": ">>> 1 + 1\n2\n"}),
    Case("without site-packages", "import sys; print([p for p in sys.path if 'site-packages' in p], 'exit' in dir(__builtins__))", stdout="[] False\n"),
    Case("with site-packages", "", stdout="True\n", command=("python", "-c", "import pytest; print('site-packages' in pytest.__file__)")),
    Case("isolated", "", "failed", 1, "", "ModuleNotFoundError: No module named 'm'", command=("python", "-I", "-c", "import m"), files={"m.py": ""}),
    Case("unbuffered", "import os; print('now'); os._exit(0)", stdout="now\n", command=("python", "-S", "-u", "main.py")),
    Case("optimized, by a new interpreter", "assert False", command=("python", "-S", "-O", "main.py")),
    Case("a shell script", "", "failed", 3, "hi\n", command=("sh", "run.sh"), files={"run.sh": "echo hi; exit 3"}),
    Case("a set has one order", "print({str(n) for n in range(9)})", stdout=None),
    Case("a child process", "import subprocess, sys; print(subprocess.run([sys.executable, '-S', '-c', 'print(5)'], capture_output=True, text=True).stdout)", stdout="5\n\n"),
    Case("the flood's end", "print('x' * 10**6); print('end')", stdout="x" * 95 + "\nend\n", limits=Limits(output_chars=100)),
    Case("a file that is too large", "open('f', 'wb').write(b'x' * (2 << 20))", "failed", 1, "", "OSError: [Errno 27] File too large", limits=Limits(file_mb=1)),
    Case("no text", "import sys; sys.stdout.buffer.write(b'\\xff')", stdout="\ufffd"),
    Case("surrogates are written back", "print('\\udcff')", stdout="\ufffd\n"),
    Case("copies and links in its folder", "import os, shutil\nshutil.copy('main.py', 'b.py'); os.symlink('b.py', 'c.py'); os.rename('b.py', 'd.py'); os.link('d.py', 'b.py')\nprint(len(open('c.py').read()) > 9)", stdout="True\n"),
    Case("temporary files", "import tempfile\nwith tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').close()\nprint(tempfile.gettempdir() == __import__('os').getcwd())", stdout="True\n"),
    Case("environment", "import os; print(sorted(os.environ))",
         stdout="['HOME', 'LANG', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONHASHSEED', 'TMPDIR']\n"),
    Case("asyncio", "import asyncio\nasync def f(): await asyncio.sleep(0); return 4\nprint(asyncio.run(f()))", stdout="4\n"),
    Case("a part of a package that it did not import", "import urllib; urllib.parse", "failed", 1, "", "AttributeError: module 'urllib' has no attribute 'parse'"),
    Case("parts that a package imports itself", "import unittest; print(unittest.case.TestCase is unittest.TestCase)", stdout="True\n"),
    Case("modules that were not imported", "import sys; print([m for m in ('re', 'json', 'doctest', 'inside', 'threading') if m in sys.modules]); import json; print('json.decoder' in sys.modules, json.__spec__.origin == json.__file__)", stdout="[]\nTrue True\n"),
    Case("a module imported late", "import sys\ndef f():\n    import json.decoder as d, xml.dom; from collections import abc; return d.JSONDecoder().decode('[1]'), abc.Sized\nprint(f()[0], __import__('doctest').__name__)", stdout="[1] doctest\n"),
    Case("a module loaded anew", "import sys, json, importlib\nold = json.loads; importlib.reload(json); del sys.modules['json']; import json as j\nprint(j.loads('2'), old('3'))", stdout="2 3\n"),
    Case("data classes, enums and types", "import dataclasses, enum, typing\n@dataclasses.dataclass\nclass A:\n    x: 'typing.ClassVar[int]' = 1\n    y: int = 2\nclass E(enum.Enum): a = 1\nprint(A(), E['a'], typing.get_type_hints(A)['y'])", stdout="A(y=2) E.a <class 'int'>\n"),
    Case("a tree of many files", "import os; print(sum(len(f) for _, _, f in os.walk('.')))", stdout="301\n", files={f"d{n % 7}/f{n}.txt": "x" for n in range(300)}),
)  # fmt: skip
