"""Programs that try to harm the machine. argv[1] is a file of the host's that must stay as it is; what must not work prints ESCAPED."""

from __future__ import annotations

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
FOR_EVER = "time.sleep(60)"

HOSTILE: dict[str, str] = {
    "fork bomb": "while True:\n    try: os.fork()\n    except OSError: pass",
    "thread bomb": "while True:\n    try: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    except RuntimeError: break",
    "100 GB allocation": "attempt('memory', lambda: bytearray(100 << 30))",
    "allocation by many": "for _ in range(5):\n    try: os.fork()\n    except OSError: pass\nx = bytearray(200 << 20)\nx[::4096] = b'1' * len(x[::4096])\ntime.sleep(60)",
    "memory that no process holds": "attempt('memfd', lambda: os.memfd_create('x'))\nattempt('shm', lambda: called(29, 0, 1 << 30, 0o1777))",
    "1 TB sparse file": "attempt('sparse', lambda: os.truncate('main.py', 1 << 40))\nf = open('big', 'wb')\nattempt('sparse', lambda: os.ftruncate(f.fileno(), 1 << 40))",
    "disk flood": "for n in range(10_000):\n    with open(f'f{n}', 'wb') as f: f.write(b'x' * (8 << 20))",
    "100,000 files": "for n in range(100_000): open(f'f{n}', 'w').close()",
    "endless output": "while True: print('x' * 10**6)",
    "endless errors and reports": "while True: os.write(2, b'x' * 10**6); os.write(3, b'x' * 10**6)",
    "deep recursion": "sys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "deep folders": "for n in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\nos.chmod('.', 0)",
    "endless loop": "while True: pass",
    "signal storm": "for s in range(1, 65):\n    try: signal.signal(s, lambda *a: None)\n    except (OSError, ValueError): pass\nwhile True: os.kill(os.getpid(), signal.SIGTERM)",
    "killing its parent": "for s in (9, 19, 15, 2, 11):\n    try: os.kill(os.getppid(), s)\n    except OSError: pass\nprint('done')",
    "killing everything": "signal.signal(15, signal.SIG_IGN)\ntry: os.kill(-1, 15)\nexcept OSError: pass\nattempt('kill', lambda: os.kill(server, 9))\nfor pid in range(1, 5000):\n    try: os.kill(pid, 9) if pid != os.getpid() else None\n    except OSError: pass\nprint('done')",
    "stopping its parent": "for _ in range(100):\n    try: os.kill(os.getppid(), signal.SIGSTOP)\n    except OSError: pass\nprint('done')",
    "the environment of its parent": "for pid in {'self', str(os.getppid()), '1', str(server)}:\n    if pid != 'self': attempt(pid, lambda: open(f'/proc/{pid}/environ', 'rb').read() and (b'CRRL_TEST_SECRET' in open(f'/proc/{pid}/environ', 'rb').read() or 1/0) if os.path.exists(f'/proc/{pid}/environ') else os.stat('/nope'))",
    "memory of its parent": "for pid in (os.getppid(), 1, server):\n    attempt('mem', lambda: open(f'/proc/{pid}/mem', 'rb+'))\n    attempt('maps', lambda: open(f'/proc/{pid}/maps').read(1) or os.stat('/nope'))\n    attempt('fd', lambda: os.listdir(f'/proc/{pid}/fd') if pid != os.getpid() else os.stat('/nope'))" ,
    "settings of the kernel": "for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches', '/sys/kernel/uevent_helper'):\n    attempt(path, lambda: open(path, 'w').write('x'))",
    "the home folder": "for path in ('/root/.bashrc', '/root/.ssh', canary, os.path.dirname(canary), '/etc/shadow', '/var/log', '/run/user'):\n    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())",
    "writing outside its folder": "for path in (canary, '/usr/escaped', '/etc/passwd', '/etc/escaped', '/escaped', '/dev/escaped', '/var/tmp/escaped', os.path.dirname(os.__file__) + '/escaped.py', sys.executable):\n    attempt(path, lambda: open(path, 'a').write('x'))",
    "changing and removing outside": "for act in (os.remove, lambda p: os.chmod(p, 0o777), lambda p: os.truncate(p, 0), lambda p: os.rename(p, 'mine'), lambda p: os.link(p, 'mine'), lambda p: open(p, os.O_TRUNC)):\n    for path in (canary, os.__file__): attempt('change', lambda: act(path))",
    "sockets to loopback": "attempt('loopback', lambda: socket.create_connection(('127.0.0.1', port), 1))\nattempt('loopback', lambda: socket.create_connection(('localhost', port), 1))",
    "sockets beyond": "for family, place in ((socket.AF_INET, ('192.0.2.1', 80)), (socket.AF_INET6, ('2001:db8::1', 80))):\n    def reach():\n        s = socket.socket(family); s.settimeout(1); s.connect(place)\n    attempt('beyond', reach)\nattempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53)))\nattempt('names', lambda: socket.getaddrinfo('example.com', 80))",
    "sockets of other kinds": "for family in (40, 17, 38, 31, 44):\n    attempt(str(family), lambda: socket.socket(family, socket.SOCK_STREAM))\nattempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0crrl-test-' + str(port)))",
    "setsid and daemon": "for _ in range(3):\n    if os.fork(): os._exit(0)\n    os.setsid()\nsignal.signal(1, signal.SIG_IGN)\nfor n in range(3, 200):\n    try: os.close(n)\n    except OSError: pass\nwhile True: time.sleep(0.01)",
    "hopping from process to process": "while True:\n    if os.fork(): os._exit(0)\n    os.setsid()",
    "ptrace": "attempt('ptrace', lambda: called(101, 16, os.getppid(), 0, 0))\nattempt('seize', lambda: called(101, 0x4206, server, 0, 0))\nattempt('vm', lambda: called(310, os.getppid(), 0, 0, 0, 0, 0))",
    "namespaces and mounts": "attempt('unshare', lambda: called(272, 0x10000000))\nattempt('mount', lambda: called(165, b'none', b'/tmp', b'tmpfs', 0, 0))\nattempt('umount', lambda: called(166, b'/tmp', 2))\nattempt('clone', lambda: called(56, 0x10000011, 0, 0, 0, 0))\nattempt('chroot', lambda: os.chroot('.'))",
    "rare parts of the kernel": "for n in (425, 321, 298, 250, 248, 323, 246, 175, 169, 304, 300, 428, 435, 442, 438): attempt(str(n), lambda: called(n, 0, 0, 0, 0, 0))",
    "limits and priority of its server": "attempt('prlimit', lambda: resource.prlimit(1 if os.getpid() != 1 else server, resource.RLIMIT_NOFILE, (1, 1)))\nattempt('nice', lambda: os.setpriority(os.PRIO_USER, 0, 19))\nattempt('affinity', lambda: os.sched_setaffinity(1, {0}))\nattempt('more', lambda: resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999)))",
    "becoming another user": "attempt('uid', lambda: os.setuid(0))\nattempt('su', lambda: subprocess.run(['su', '-c', 'true'], check=True, capture_output=True, stdin=subprocess.DEVNULL))\nattempt('chown', lambda: os.chown('main.py', 0, 0))\nattempt('device', lambda: os.mknod('null', 0o20666, os.makedev(1, 3)))",
    "symlink races": "def swap():\n    while True:\n        try:\n            os.symlink(canary, 'l'); os.remove('l'); os.symlink(os.path.dirname(canary), 'd'); os.remove('d')\n        except OSError: pass\nthreading.Thread(target=swap, daemon=True).start()\nend = time.time() + 0.5\nwhile time.time() < end:\n    for path in ('l', 'd/escaped'):\n        try: open(path, 'r+').write('ESCAPED'); \n        except OSError: pass\nos.symlink('/', 'root'); os.symlink(canary, 'out'); os.symlink('..', 'up'); print('done')",
    "leaving something for the next": "for path in ('/tmp/left', '/dev/shm/left', '/run/left', '/run/crrl/left', '/var/left'):\n    try: open(path, 'w').write('left')\n    except OSError: pass\nfor make in (lambda: socket.socket(socket.AF_UNIX).bind('\\0left'), lambda: socket.create_server(('127.0.0.1', 4567))):\n    try: keep = make()\n    except OSError: pass\nif os.fork() == 0: time.sleep(60)",
}  # fmt: skip
NEXT = """\
for path in ('/tmp/left', '/dev/shm/left', '/run/left', '/run/crrl/left', '/var/left'): attempt(path, lambda: open(path))
attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0left'))
attempt('listener', lambda: socket.create_connection(('127.0.0.1', 4567), 1))
mine = {'self', 'thread-self', str(os.getpid()), '1', '2'}
try: seen = os.listdir('/proc')
except PermissionError: seen = []
print([p for p in seen if p.isdecimal() and p not in mine])
"""
