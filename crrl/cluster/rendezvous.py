"""Where the trainers of an attempt meet: chosen free on the first trainer's node, and published through the run's folder."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import random
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder, read_json
from crrl.report.run_folder import write_aside

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections (32768 and above), which could take one at any time."""
_SIOCGIFADDR = 0x8915


@dataclass(frozen=True)
class Meeting:
    """An address that every node of the attempt can reach."""

    host: str
    port: int


class Port:
    """A free port that no other supervisor on this machine takes, as long as this object is kept."""

    def __init__(self, number: int, claim: socket.socket) -> None:
        self.number = number
        self._claim = claim

    def release(self) -> None:
        """Let others have it."""
        self._claim.close()


def claim_port() -> Port:
    """Choose a port that nobody listens on. Raises RunError if there is none.

    Between the choice and the launcher's listening, another run on this machine could choose the same: so a name that
    belongs to the port is taken first. An abstract socket's: all users of the machine see it, and it goes with its process.
    """
    for number in random.sample(PORTS, len(PORTS)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0crrl-port-{number}")
            with socket.socket() as probe:
                probe.bind(("", number))
            return Port(number, claim)
        except OSError:
            claim.close()
    raise RunError(f"no port between {PORTS.start} and {PORTS.stop - 1} is free on {os.uname().nodename}")


def own_address(interface: str = "", others: Sequence[str] = ()) -> str:
    """The IPv4 address that other nodes reach this one by.

    That of the interface, if one is named; else the one that leads to the first of the `others` whose name is known here; else
    the one of this machine's name. Raises RunError for an interface without an address, and where only this machine's loopback
    is found, which other nodes do not reach; unless that is where they all are.
    """
    if interface:
        return _address_of(interface)
    ways = list(_towards(others))
    named = [] if ways else list(_named(os.uname().nodename))
    for candidate in (*ways, *named):
        if not ipaddress.ip_address(candidate).is_loopback:
            return candidate
    if ways or not others:
        return next(iter((*ways, *named)), "127.0.0.1")
    raise RunError(
        f"{os.uname().nodename} finds no network to the other nodes ({', '.join(others)}): it knows none of these names, and its "
        "own is its loopback's; name the interface between nodes with --cluster.network-interface"
    )


def interface_of(address: str) -> str:
    """The network interface that has an address; "" if none of this machine's has it."""
    for _, name in socket.if_nameindex():
        try:
            if _address_of(name) == address:
                return name
        except RunError:
            continue
    return "lo" if ipaddress.ip_address(address).is_loopback else ""


def publish(attempt: AttemptFolder, meeting: Meeting) -> None:
    """Tell the other nodes of this attempt."""
    write_aside(attempt.rendezvous, json.dumps(asdict(meeting)) + "\n")


def published(attempt: AttemptFolder) -> Meeting | None:
    """Where this attempt meets; None as long as nobody has said so."""
    values = read_json(attempt.rendezvous)
    return Meeting(str(values["host"]), int(values["port"])) if values else None


def _towards(others: Sequence[str]) -> Iterator[str]:
    for name in others:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((name, 9))  # nothing is sent: the kernel only chooses a route
                yield str(probe.getsockname()[0])
        except OSError:
            continue


def _named(name: str) -> Iterator[str]:
    try:
        yield socket.gethostbyname(name)
    except OSError:
        return


def _address_of(interface: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError as error:
            known = ", ".join(name for _, name in socket.if_nameindex())
            raise RunError(f"the network interface {interface!r} has no address here; there are {known}") from error
    return socket.inet_ntoa(answer[20:24])
