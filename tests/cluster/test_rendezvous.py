"""Two runs on one node never meet, and what an attempt publishes is its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from crrl.cluster.accelerate import TrainerShape, accelerate_config, launch_command
from crrl.cluster.other_nodes import other_nodes
from crrl.cluster.rendezvous import PORTS, Meeting, claim_port, interface_of, own_address, publish, published
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder


def test_a_port_that_is_claimed_is_not_claimed_twice_even_before_anybody_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crrl.cluster.rendezvous.PORTS", range(PORTS.start, PORTS.start + 3))
    held = [claim_port() for _ in range(2)]
    other = subprocess.run(
        [
            sys.executable,
            "-c",
            "import crrl.cluster.rendezvous as r\n"
            "r.PORTS = range(r.PORTS.start, r.PORTS.start + 3)\nport = r.claim_port()\nprint(port.number)",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert other.stdout.strip().isdecimal(), other.stderr
    assert int(other.stdout) not in {port.number for port in held}
    held[0].release()
    assert claim_port().number


def test_a_port_that_somebody_listens_on_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        monkeypatch.setattr("crrl.cluster.rendezvous.PORTS", range(taken, taken + 1))
        with pytest.raises(RunError, match="no port between"):
            claim_port()


def test_an_address_is_the_named_interfaces_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    assert own_address("lo") == "127.0.0.1"
    assert interface_of("127.0.0.1") == "lo"
    with pytest.raises(RunError, match=r"'ib7' has no address here; there are .*lo"):
        own_address("ib7")
    assert own_address(others=["no.such.host.invalid", "127.0.0.1"]) == "127.0.0.1"


def test_a_loopback_address_is_taken_only_where_all_nodes_are_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crrl.cluster.rendezvous._named", lambda _: ["127.0.1.1"])
    assert own_address() == "127.0.1.1"
    assert own_address(others=["n2.invalid", "127.0.0.1"]) == "127.0.0.1"
    with pytest.raises(RunError, match=r"no network to the other nodes \(n2.invalid\).*--cluster.network-interface"):
        own_address(others=["n2.invalid"])
    monkeypatch.setattr("crrl.cluster.rendezvous._named", lambda _: ["10.0.0.5"])
    assert own_address(others=["n2.invalid"]) == "10.0.0.5"


def test_other_nodes_are_known_by_name_and_by_the_address_that_slurm_uses() -> None:
    def ask(command: Sequence[str]) -> str:
        if "hostnames" in command:
            return "n1\nn2\nn3\n"
        return "".join(
            f"NodeName={name} Arch=x86_64 NodeAddr={address} NodeHostName={name} Version=23.11\n"
            for name, address in (("n1", "10.0.0.1"), ("n2", "10.0.0.2"), ("n3", "n3"))
        )

    host = {"SLURM_JOB_NODELIST": "n[1-3]", "SLURMD_NODENAME": "n1"}
    assert other_nodes(host, ask) == ["n2", "n3", "10.0.0.2"]
    assert other_nodes(host, lambda _: None) == []
    assert other_nodes({}, ask) == []


def test_an_administrator_s_words_in_another_encoding_do_not_hide_the_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "scontrol"
    script.write_text("#!/bin/sh\nprintf 'NodeName=n2 NodeAddr=10.0.0.2 Reason=gew\\344hlt\\n'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "10.0.0.2" in other_nodes({"SLURM_JOB_NODELIST": "n[1-2]", "SLURMD_NODENAME": "n1"})


def test_a_meeting_is_read_in_its_own_attempt_only(tmp_path: Path) -> None:
    first, second = AttemptFolder(tmp_path / "1"), AttemptFolder(tmp_path / "2")
    assert published(first) is None
    publish(first, Meeting("10.0.0.1", 20001))
    assert published(first) == Meeting("10.0.0.1", 20001)
    assert published(second) is None


def test_all_nodes_share_one_config_of_accelerate() -> None:
    text = accelerate_config(TrainerShape(3, 8), Meeting("10.0.0.1", 20001), Path("/run/deepspeed.json"))
    values = yaml.safe_load(text)
    assert (values["num_machines"], values["num_processes"]) == (3, 24)
    assert (values["main_process_ip"], values["main_process_port"]) == ("10.0.0.1", 20001)
    assert values["distributed_type"] == "DEEPSPEED"
    assert values["deepspeed_config"]["deepspeed_config_file"] == "/run/deepspeed.json"
    assert launch_command(Path("/c.yaml"), 2, "/run", "python")[-7:] == (
        *("--config_file", "/c.yaml", "--machine_rank", "2", "--module", "crrl.train", "/run"),
    )
