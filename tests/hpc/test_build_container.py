"""What build_container.sh says when it cannot build; each is told before anything is made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hpc.ordinary_user import Done, OrdinaryUser

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(folder: Path, user: OrdinaryUser) -> Path:
    """A copy that the user can reach, alone: nothing that it refuses needs more."""
    copy = folder / "build_container.sh"
    shutil.copy(ROOT / copy.name, copy)
    return copy


@pytest.fixture
def base(folder: Path) -> Path:
    path = folder / "base.sif"
    path.touch()
    return path


def refused(done: Done, *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stdout == ""


def test_an_image_that_is_there_is_kept_without_force(script: Path, base: Path, user: OrdinaryUser) -> None:
    image = script.with_name("crrl.sif")
    image.write_text("old")
    refused(user.run(script, "--cpu", "--base", base, check=False), f"{image} is there already", "--force")
    assert image.read_text() == "old"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gpu"], ["--gpu", "--help"]),
        (["--output"], ["--output needs a value"]),
        (["--cpu"], ["--cpu needs a base"]),
        (["--cpu", "--base", "./none.sif"], ["no base image ./none.sif"]),
        (["--cpu", "--base", "docker://debian"], ["without docker://"]),
        (["--output", "none/crrl.sif"], ["no folder none"]),
        (["--tmp", "/dev"], ["--tmp /dev", "50 GB free"]),
    ],
)
def test_a_wrong_argument_is_one_line(arguments: list[str], words: list[str], script: Path, user: OrdinaryUser) -> None:
    done = user.run(script, *arguments, check=False, cwd=script.parent)
    refused(done, *words)
    assert len(done.stderr.splitlines()) == 1


def test_without_apptainer_the_way_out_is_named(script: Path, base: Path, user: OrdinaryUser, folder: Path) -> None:
    tools = folder / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "id", "uname"):
        (tools / name).symlink_to(shutil.which(name) or name)
    refused(user.run(script, "--cpu", "--base", base, check=False, env={"PATH": str(tools)}), "module", "elsewhere")


def test_without_user_namespaces_the_way_out_is_named(script: Path, base: Path, user: OrdinaryUser) -> None:
    """A namespace in which no other may be made, and a user there without capabilities: as on a site that forbids them."""
    without = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "
    command = f"{without} {script} --cpu --base {base}"
    done = user.run("unshare", "--user", "--map-root-user", "sh", "-c", command, check=False)
    refused(done, "no user namespaces", "scp crrl.sif", "/etc/subuid")


def test_every_script_is_clean(user: OrdinaryUser) -> None:
    scripts = [
        ROOT / "build_container.sh",
        ROOT / ".ci/run",
        *ROOT.glob("requirements/*.sh"),
        *ROOT.glob("tests/hpc/**/*.sh"),
    ]
    assert len(scripts) >= 10
    done = OrdinaryUser("root").run("shellcheck", *scripts, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
