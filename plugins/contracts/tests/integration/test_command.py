"""``dovetail contract``, and ``dovetail check`` with a contract."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: flights
version: 1.0.0
schema:
  - name: flights
    properties:
      - name: carrier
        logicalType: string
        required: true
      - name: delay
        logicalType: integer
        quality:
          - type: text
            description: measured at the gate
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command line in a directory of its own with some data: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOVETAIL_HOME", str(tmp_path / "home"))
    rows = "".join(f"{n},{'AA' if n % 2 else 'UA'},{n % 60}\n" for n in range(40))
    Path("flights.csv").write_text("id,carrier,delay\n" + rows)
    Path("flights.odcs.yaml").write_text(CONTRACT)

    def called(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "dovetail", *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return called


def test_a_contract_is_a_suite_of_check(run: Run) -> None:
    code, out, err = run("check", "flights.csv", "flights.odcs.yaml")
    assert code == 1
    assert "unsupported: a rule of type text" in out + err
    assert run("check", "flights.csv", "flights.odcs.yaml:flights", "--allow-unsupported")[0] == 0
    assert run("check", "flights.csv", "flights.odcs.yaml", "--allow-unsupported", "--strict-warnings")[0] == 1


def test_what_is_proposed_holds_for_the_data(run: Run) -> None:
    code, out, _ = run("contract", "init", "flights.csv", "--output", "new.odcs.yaml")
    assert (code, out.splitlines()[1]) == (0, "next: dovetail check flights.csv new.odcs.yaml")
    assert run("contract", "lint", "new.odcs.yaml")[0] == 0
    assert run("check", "flights.csv", "new.odcs.yaml")[0] == 0
    assert run("contract", "init", "flights.csv", "--output", "new.odcs.yaml")[0] == 2
    assert run("contract", "init", "flights.csv", "--output", "new.odcs.yaml", "--force")[0] == 0


def test_a_suite_is_exported_with_its_limits(run: Run) -> None:
    Path("s.toml").write_text(
        'name = "s"\n[gate]\nfail = "5%"\n[[checks]]\ncheck = "not_null"\ncolumn = "carrier"\n'
        '[[checks]]\ncheck = "mean_between"\ncolumn = "delay"\nminimum = 0\nmaximum = 60\n'
    )
    code, out, err = run("contract", "export", "s.toml")
    assert code == 0
    assert "metric: nullValues" in out
    assert "mustBeLessOrEqualTo: 5\n" in out
    assert "engine: dovetail" in out
    assert "note: delay.mean(mean in [0, 60]) is a rule of dovetail's own" in err
    Path("s.odcs.yaml").write_text(out)
    assert run("check", "flights.csv", "s.odcs.yaml")[0] == 0
    assert run("contract", "export", "flights.odcs.yaml")[0] == 2


def test_lint_tells_every_mistake_with_its_line(run: Run) -> None:
    Path("bad.odcs.yaml").write_text(
        CONTRACT.replace("required", "requird").replace("integer", "int").replace("v3.1.0", "v9")
    )
    code, out, _ = run("contract", "lint", "bad.odcs.yaml", "flights.odcs.yaml")
    assert code == 1
    assert [line.split(": ")[0] for line in out.splitlines()] == [
        *("bad.odcs.yaml:1", "bad.odcs.yaml:10", "bad.odcs.yaml:12"),
        *("flights.odcs.yaml:6", "flights.odcs.yaml"),
    ]
    assert "(did you mean 'integer'?)" in out
    code, out, _ = run("contract", "lint", "bad.odcs.yaml", "--json")
    assert (code, [each["line"] for each in json.loads(out)["problems"]]) == (1, [1, 10, 12])


@pytest.mark.parametrize(("text", "line"), [("a: 1\nb: 2\na: 3\n", 3), ("a: [\n", 2), ("a: !x 1\n", 1)])
def test_lint_of_what_is_no_contract(run: Run, text: str, line: int) -> None:
    Path("bad.odcs.yaml").write_text(text)
    code, out, _ = run("contract", "lint", "bad.odcs.yaml")
    assert (code, out.partition(": ")[0]) == (1, f"bad.odcs.yaml:{line}")
    assert run("check", "flights.csv", "bad.odcs.yaml")[0] == 2


def test_diff_says_whom_it_breaks(run: Run) -> None:
    Path("new.odcs.yaml").write_text(CONTRACT.replace("        required: true\n", ""))
    code, out, _ = run("contract", "diff", "flights.odcs.yaml", "new.odcs.yaml")
    assert code == 1
    assert out.splitlines()[0].split() == ["breaking", "flights.carrier.required:", "required", "removed"]
    assert run("contract", "diff", "flights.odcs.yaml", "new.odcs.yaml", "--for", "producers")[0] == 0
    assert run("contract", "diff", "new.odcs.yaml", "flights.odcs.yaml")[0] == 0
    assert run("contract", "diff", "new.odcs.yaml", "flights.odcs.yaml", "--for", "both")[0] == 1
    code, out, _ = run("contract", "diff", "flights.odcs.yaml", "new.odcs.yaml", "--json")
    told = json.loads(out)
    assert (code, told["breaking"], told["changes"][0]["breaks"]) == (1, True, ["consumers"])
    code, out, _ = run("contract", "diff", "flights.odcs.yaml", "new.odcs.yaml", "--markdown")
    assert (code, "| `flights.carrier.required` | required removed | consumers |" in out) == (1, True)
    assert run("contract", "diff", "flights.odcs.yaml", "flights.odcs.yaml")[:2] == (0, "no change\n")


def test_allowing_what_is_unsupported_is_for_contracts(run: Run) -> None:
    Path("s.toml").write_text('name = "s"\n[[checks]]\ncheck = "not_null"\ncolumn = "carrier"\n')
    code, _, err = run("check", "flights.csv", "s.toml", "--allow-unsupported")
    assert (code, "is for contracts" in err) == (2, True)
