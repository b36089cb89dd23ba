"""The drill: what its ledger finds right and wrong, and that the command tells a server that loses views."""

import json
import re
import signal
import subprocess
import sys

import pytest

from footfall import cli
from footfall.cli.ledger import Ledger
from footfall.stores import open_store
from tests.conftest import ROOT
from tests.servers import footfall
from tests.waiting import until

pytestmark = pytest.mark.ours

RIGHT = {"missing": [], "doubled": [], "unfounded": []}


@pytest.fixture
def served_by(monkeypatch):
    """Has drills start another command than `footfall serve`."""
    # The package's attribute of that name is the command.
    module = sys.modules["footfall.cli.drill"]
    return lambda *command: monkeypatch.setattr(module, "SERVE", command)


@pytest.mark.parametrize("answered, stored, wrong", [
    # 1 is acknowledged, 2 refused, 3 not answered; 4 was never sent.
    ({1: 200, 2: 503, 3: None}, [1], {}),
    ({1: 204, 2: 404, 3: None}, [3, 1], {}),
    ({1: 200, 2: 503, 3: None}, [], {"missing": [1]}),
    ({1: 200, 2: 503, 3: None}, [3], {"missing": [1]}),
    ({1: 200, 2: 503, 3: None}, [1, 1], {"doubled": [1]}),
    ({1: 200, 2: 503, 3: None}, [1, 3, 3], {"doubled": [3]}),
    ({1: 200, 2: 503, 3: None}, [1, 2], {"unfounded": [2]}),
    ({1: 200, 2: 503, 3: None}, [1, 4], {"unfounded": [4]}),
    ({1: 200, 2: 200, 3: 200}, [2, 2], {"missing": [1, 3], "doubled": [2]}),
    ({}, [], {}),
])
def test_a_ledger_finds_what_is_missing_doubled_and_unfounded(answered, stored, wrong):
    ledger = Ledger()
    for view, status in answered.items():
        ledger.send(view)
        if status is not None:
            ledger.answer(view, status)
    balance = ledger.balance(stored)
    assert {name: getattr(balance, name) for name in RIGHT} == RIGHT | wrong
    assert balance.is_right == (not wrong)


def test_a_ledger_counts_what_was_sent_and_answered():
    ledger = Ledger()
    for view in range(6):
        ledger.send(view)
    for view, status in ((0, 200), (1, 204), (2, 503)):
        ledger.answer(view, status)
    assert ledger.acknowledged == 2
    assert ledger.balance([0, 1, 4])[:5] == (6, 2, 1, 3, 1)


@pytest.mark.parametrize("store", ["sqlite:///footfall.db", "cassandra://nowhere.example.com/footfall"])
def test_a_drill_kills_servers_of_its_own_and_accounts_for_every_view(tmp_path, store):
    data = tmp_path / "data"
    if store.startswith("sqlite"):
        footfall(data, "site", "add", "blog")
    before = sorted(tmp_path.rglob("*"))
    told = json.loads(footfall(data, "drill", "--kills", "2", "--views", "200", "--json", store=store,
                               workers=2).stdout)
    assert (told["kills"], told["missing"], told["doubled"], told["unfounded"], told["refused"]) == (2, 0, 0, 0, 0)
    assert told["acknowledged"] >= 3 * 200
    assert told["sent"] == told["acknowledged"] + told["unanswered"]
    # What it made is gone, and what was there is as it was.
    assert sorted(tmp_path.rglob("*")) == before
    if store.startswith("sqlite"):
        with open_store(f"sqlite:///{data}/footfall.db") as opened:
            assert list(opened.family("PageViews").row_keys()) == []


def test_a_drill_of_a_server_that_keeps_nothing_names_what_is_missing(tmp_path, served_by, monkeypatch, capsys):
    served_by(sys.executable, "-m", "bench.variants", "nocommit")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert cli.main(["drill", "--kills", "1", "--views", "50", "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    missing = re.search(r"([1-9][\d,]*) acknowledged and missing\n", printed.out)[1]
    assert re.match(rf"footfall: {missing} acknowledged views are missing: \d+, \d+, .*, …\n", printed.err)


def test_a_drill_whose_server_does_not_start_says_why(tmp_path, served_by, capsys):
    served_by(sys.executable, "-c", "raise SystemExit('no such luck')")
    assert cli.main(["drill", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "footfall: the drill's server does not start: no such luck\n"


def test_a_drill_that_is_ended_leaves_neither_a_server_nor_a_folder(tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "footfall", "drill", "--views", "100000", "--folder", tmp_path],
                               cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = until(lambda: next(tmp_path.glob("*/server.log"), None))
    until(lambda: "serves http://127.0.0.1:" in log.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0].strip() == "footfall: stopped"
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
