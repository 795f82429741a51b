"""A path that cannot be written is the user's mistake, a full disk the platform's; neither is a crash of dovetail."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


@pytest.mark.parametrize("target", ["nowhere/x.json", "pipeline.py/x.json", "nowhere/deeper/x.json"])
def test_a_graph_with_no_place_is_the_users_mistake(process, project, target):
    done = process("graph", "export", "pipeline.py", "plain", "-o", target)
    assert done.code == 2
    assert f"the graph cannot be written to '{target}'" in done.err
    assert "fix: mkdir -p" in done.err if target.startswith("nowhere") else "Not a directory" in done.err
    assert not list(project.rglob("crash-*"))


@pytest.mark.parametrize("target", ["pipeline.py/x.json", "pipeline.py/deeper/x.json"])
def test_a_value_with_no_place_is_the_users_mistake(cli, project, target):
    assert cli("run", "pipeline.py", "plain", "--month", "1").code == 0
    node = cli("runs", "show", "latest", "--json").json["nodes"][0]["node_id"]
    done = cli("artifacts", "export", f"latest:{node}", target)
    assert done.code == 2
    assert f"cannot be written to '{target}'" in done.err
    assert "fix: " in done.err
    assert not list(project.rglob("crash-*"))


@needs_full
def test_a_full_disk_is_told_as_such(process, project):
    done = process("graph", "export", "pipeline.py", "plain", "-o", "/dev/full")
    assert done.code == 3
    assert "No space left on device" in done.err
    assert "fix: make room there" in done.err
    assert not list(project.rglob("crash-*"))


@needs_full
@pytest.mark.parametrize(
    "words", [["plugins", "list"], ["doctor"], ["doctor", "--json"], ["plugins", "list", "--json"]]
)
def test_standard_output_on_a_full_disk_is_no_crash(project, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dovetail", *words], stdout=full, stderr=subprocess.PIPE, text=True, cwd=project
        )
    assert done.returncode == 3
    assert "cannot be written" in done.stderr
    assert "please report" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.rglob("crash-*"))
