"""Numbers of the system calls that the filter names, by machine. Calls newer than 5.1 have one number everywhere."""

from __future__ import annotations

_OLD = """
accept 43 202|accept4 288 242|acct 163 89|add_key 248 217|adjtimex 159 171|bind 49 200|bpf 321 280|chmod 90 -
chown 92 -|chroot 161 51|clock_adjtime 305 266|clock_settime 227 112|clone 56 220|connect 42 203|creat 85 -
delete_module 176 106|fanotify_init 300 262|fchmod 91 52|fchmodat 268 53|fchown 93 55|fchownat 260 54
finit_module 313 273|fremovexattr 199 16|fsetxattr 190 7|futimesat 261 -|init_module 175 105|ioperm 173 -|iopl 172 -
ioprio_set 251 30|kcmp 312 272|kexec_file_load 320 294|kexec_load 246 104|keyctl 250 219|kill 62 129|lchown 94 -
listen 50 201|lookup_dcookie 212 18|lremovexattr 198 15|lsetxattr 189 6|memfd_create 319 279|migrate_pages 256 238
modify_ldt 154 -|mount 165 40|move_pages 279 239|mq_open 240 180|msgget 68 186|name_to_handle_at 303 264|open 2 -
open_by_handle_at 304 265|openat 257 56|perf_event_open 298 241|personality 135 92|pivot_root 155 41|prlimit64 302 261
process_vm_readv 310 270|process_vm_writev 311 271|ptrace 101 117|quotactl 179 60|reboot 169 142|removexattr 197 14
request_key 249 218|rt_sigqueueinfo 129 138|rt_tgsigqueueinfo 297 240|sched_setaffinity 203 122|sched_setattr 314 274
sched_setparam 142 118|sched_setscheduler 144 119|semget 64 190|setns 308 268|setpriority 141 140|settimeofday 164 170
setxattr 188 5|shmat 30 196|shmget 29 194|socket 41 198|socketpair 53 199|swapoff 168 225|swapon 167 224|syslog 103 116
tgkill 234 131|tkill 200 130|truncate 76 45|umount2 166 39|unshare 272 97|userfaultfd 323 282|utime 132 -
utimensat 280 88|utimes 235 -|vhangup 153 58
"""
_NEW = """
pidfd_send_signal 424|io_uring_setup 425|io_uring_enter 426|io_uring_register 427|open_tree 428|move_mount 429
fsopen 430|fsconfig 431|fsmount 432|fspick 433|clone3 435|openat2 437|pidfd_getfd 438|process_madvise 440
mount_setattr 442|quotactl_fd 443|memfd_secret 447|process_mrelease 448|fchmodat2 452|setxattrat 463|removexattrat 466
open_tree_attr 467|file_setattr 469
"""
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machines with a table → AUDIT_ARCH of linux/audit.h. Both are little-endian, which the filter relies on."""


def numbers(machine: str) -> dict[str, int]:
    """Name → number, without the calls that `machine` does not have."""
    column = 1 + list(ARCHITECTURES).index(machine)
    old = (entry.split() for entry in _OLD.replace("\n", "|").split("|") if entry)
    new = (entry.split() for entry in _NEW.replace("\n", "|").split("|") if entry)
    found = {row[0]: int(row[column]) for row in old if row[column] != "-"}
    return found | {name: int(number) for name, number in new}
