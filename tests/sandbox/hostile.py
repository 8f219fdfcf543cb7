"""Programs that try to harm the machine (hostile.txt). What must not work, and does, prints ESCAPED.

argv[1] is a file of the host's that must stay as it is, argv[2] the port of a listener of the host's, argv[3] a process of it.
"""

from __future__ import annotations

from pathlib import Path

PREAMBLE = """\
import ctypes, errno, mmap, os, resource, shutil, signal, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
canary, port, server = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def attempt(name, act):
    try:
        act()
    except (OSError, ValueError, MemoryError, RuntimeError, subprocess.SubprocessError) as error:
        print(name, "refused:", type(error).__name__)
    else:
        print("ESCAPED", name)
def called(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""


def _read(place: Path) -> dict[str, str]:
    """Name → program; each begins with a line `### name`."""
    parts = place.read_text().split("### ")[1:]
    return {name: code for name, _, code in (part.partition("\n") for part in parts)}


HOSTILE = _read(Path(__file__).with_name("hostile.txt"))
NEXT = """\
for path in ('/tmp/left', '/dev/shm/left', '/run/left', '/run/crrl/left', '/var/left'): attempt(path, lambda: open(path))
attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0left'))
attempt('listener', lambda: socket.create_connection(('127.0.0.1', 4567), 1))
mine = {'self', 'thread-self', str(os.getpid()), '1', '2'}
try: seen = os.listdir('/proc')
except PermissionError: seen = []
print([p for p in seen if p.isdecimal() and p not in mine])
"""
