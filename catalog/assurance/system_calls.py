"""What a locked child may no longer ask of the kernel, written as a seccomp filter.

A list of what is refused rather than of what is allowed: numerical libraries use more of the kernel
than anybody can list, and files are guarded by the other walls.
"""

from __future__ import annotations

import errno
import platform
import struct

# Name, number on x86_64 / on aarch64, from Linux: arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h. A dash: that machine never had it.
_REFUSED = """
socket 41/198, socketpair 53/199, bind 49/200, listen 50/201, accept 43/202, accept4 288/242,
connect 42/203, sendto 44/206, sendmsg 46/211, sendmmsg 307/269,
execve 59/221, execveat 322/281, fork 57/-, vfork 58/-, setsid 112/157, setpgid 109/154,
kill 62/129, tkill 200/130, rt_sigqueueinfo 129/138, rt_tgsigqueueinfo 297/240,
pidfd_send_signal 424/424, pidfd_open 434/434, pidfd_getfd 438/438,
ptrace 101/117, process_vm_readv 310/270, process_vm_writev 311/271, process_madvise 440/440,
kcmp 312/272, perf_event_open 298/241, userfaultfd 323/282, bpf 321/280,
mount 165/40, umount2 166/39, pivot_root 155/41, chroot 161/51, unshare 272/97, setns 308/268,
fsopen 430/430, fsconfig 431/431, fsmount 432/432, fspick 433/433, move_mount 429/429,
open_tree 428/428, mount_setattr 442/442, name_to_handle_at 303/264, open_by_handle_at 304/265,
mknod 133/-, mknodat 259/33,
io_uring_setup 425/425, io_uring_enter 426/426, io_uring_register 427/427,
shmget 29/194, shmat 30/196, shmctl 31/195, semget 64/190, semop 65/193, semctl 66/191,
semtimedop 220/192, msgget 68/186, msgsnd 69/189, msgrcv 70/188, msgctl 71/187, mq_open 240/180,
memfd_create 319/279, memfd_secret 447/447, keyctl 250/219, add_key 248/217, request_key 249/218,
setuid 105/146, setgid 106/144, setreuid 113/145, setregid 114/143, setresuid 117/147,
setresgid 119/149, setgroups 116/159, setfsuid 122/151, setfsgid 123/152, capset 126/91,
personality 135/92, setpriority 141/140, sched_setaffinity 203/122, acct 163/89, syslog 103/116,
init_module 175/105, finit_module 313/273, kexec_load 246/104, iopl 172/-, ioperm 173/-,
modify_ldt 154/-, uselib 134/-
"""
_COLUMN = {"x86_64": 0, "aarch64": 1}
_ARCHITECTURE = (0xC000003E, 0xC00000B7)
_CLONE, _CLONE3, _TGKILL = (56, 220), (435, 435), (234, 131)
_PRLIMIT, _PRCTL = (302, 261), (157, 167)
_A_THREAD = 0x00010000  # CLONE_THREAD
_DEATH_SIGNAL, _DUMPABLE = 1, 4  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE

# Classic BPF: load a word of the call, jump if equal / at least / any bit set, answer.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_REFUSE, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS


def refusing_program(me: int) -> bytes:
    """Return the filter for the process `me`, to be handed to seccomp.

    Raises:
        OSError: the numbers of this kind of machine are not known.
    """
    if platform.machine() not in _COLUMN:
        problem = f"no list of system calls for {platform.machine()}"
        raise OSError(errno.ENOSYS, problem)
    column = _COLUMN[platform.machine()]
    program = [
        _step(_LOAD, _MACHINE),
        _step(_EQUAL, _ARCHITECTURE[column], 1, 0),
        _step(_ANSWER, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, 0x40000000, 0, 1),  # x32: the same calls under other numbers
        _step(_ANSWER, _REFUSE),
    ]
    numbers = [entry.split()[1].split("/")[column] for entry in _REFUSED.split(",")]
    for number in (int(n) for n in numbers if n != "-"):
        program += [_step(_EQUAL, number, 0, 1), _step(_ANSWER, _REFUSE)]
    # Told that clone3 is unknown, glibc starts threads with clone, whose flags a filter can read.
    program += [_step(_EQUAL, _CLONE3[column], 0, 1), _step(_ANSWER, _UNKNOWN)]
    program += _judge(_CLONE[column], _ANY_BIT, (_A_THREAD,), then=_ALLOW, otherwise=_REFUSE)
    program += _judge(_TGKILL[column], _EQUAL, (me,), then=_ALLOW, otherwise=_REFUSE)
    program += _judge(_PRLIMIT[column], _EQUAL, (0, me), then=_ALLOW, otherwise=_REFUSE)
    own_chains = (_DEATH_SIGNAL, _DUMPABLE)
    program += _judge(_PRCTL[column], _EQUAL, own_chains, then=_REFUSE, otherwise=_ALLOW)
    return b"".join([*program, _step(_ANSWER, _ALLOW)])


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """Encode one instruction; `yes` and `no` count the instructions to skip."""
    return struct.pack("HBBI", code, yes, no, value)


def _judge(
    number: int, test: int, values: tuple[int, ...], *, then: int, otherwise: int
) -> list[bytes]:
    """Answer the call `number` by its first argument."""
    body = [_step(_LOAD, _FIRST_ARGUMENT)]
    for value in values:
        body += [_step(test, value, 0, 1), _step(_ANSWER, then)]
    body.append(_step(_ANSWER, otherwise))
    return [_step(_EQUAL, number, 0, len(body)), *body]
