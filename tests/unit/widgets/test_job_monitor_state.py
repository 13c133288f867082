"""Jobs as rows of a monitor, and following what goes on elsewhere."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from awlab.backend.database import context, create_job, update_job, update_target
from awlab.backend.datamodel import utc_now
from awlab.backend.errors import AwlabError, ObjectNotFound, QueryError
from awlab.backend.process import lpu
from awlab.widgets import JobMonitor
from awlab.widgets.following import Follower
from awlab.widgets.job_monitor.state import job_cards, one_job


@pytest.fixture
def number(database):
    """A job of this process with three targets, one of them failed."""
    targets = [("Bias", "Bias ccd50"), ("Bias", "Bias ccd51"), ("Flat", "Flat <b>")]
    number = create_job("Reduce", {"date": "2000-04-28", "pars": {"A": 1}}, targets)
    update_job(number, status="running", started=utc_now())
    update_target(number, 0, status="finished", started=utc_now(), finished=utc_now())
    update_target(number, 1, status="running", started=utc_now())
    update_target(number, 2, status="failed", message="no\n  flat   frames")
    yield number
    update_job(number, status="finished", finished=utc_now())


def test_a_job_is_a_row(number):
    card = job_cards()["jobs"][0]
    assert (card["number"], card["status"], card["sequence"]) == (number, "running", "Reduce")
    assert (card["done"], card["failed"], card["total"]) == (1, 1, 3)
    assert card["asked"] == 'date=2000-04-28, pars={"A": 1}'
    assert card["who"] == f"{context.user}, {context.project}"
    assert card["where"] == f"{socket.gethostname()}, process {os.getpid()}"
    assert card["is_open"]


def test_what_failed_comes_first(number):
    found = one_job(number)
    told = [(t["label"], t["status"], t["message"]) for t in found["targets"]]
    assert told == [
        ("Flat <b>", "failed", "no flat frames"),
        ("Bias ccd51", "running", ""),
        ("Bias ccd50", "finished", ""),
    ]
    assert eval(found["python"], {"lpu": lpu}).number == number


def test_many_targets_are_cut(number, monkeypatch):
    monkeypatch.setattr("awlab.widgets.job_monitor.state.MOST_TARGETS", 2)
    found = one_job(number)
    assert (len(found["targets"]), found["targets_left"]) == (2, 1)


@pytest.mark.parametrize("bad", ["1; drop", None, 1.5, [1]])
def test_bad_numbers(database, bad):
    with pytest.raises(QueryError, match="is not the number of a job"):
        one_job(bad)


def test_no_such_job(database):
    with pytest.raises(ObjectNotFound, match="no job 999999 of yours"):
        one_job(999_999)


def test_the_jobs_of_others_are_not_shown(number):
    update_job(number, member="somebody", project="theirs")
    assert all(card["number"] != number for card in job_cards()["jobs"])
    with pytest.raises(ObjectNotFound):
        one_job(number)
    with pytest.raises(AwlabError):
        JobMonitor().answer("cancel", {"number": number})


def test_looking_costs_two_statements(number, statements):
    assert statements(job_cards) <= 3  # what is abandoned, whose projects, the rows


def test_a_monitor_tells_while_somebody_looks(number, monkeypatch):
    monkeypatch.setattr("awlab.widgets.job_monitor.widget._PAUSE", 0.1)
    widget = JobMonitor()
    sent, heard = [], threading.Event()

    def send(content, buffers=None):
        sent.append(content)
        heard.set()

    widget.send = send
    assert widget.answer("choose", {"number": number})["number"] == number
    assert widget.selection.number == number
    widget.answer("watch", {})
    assert heard.wait(20)
    heard.clear()
    update_target(number, 1, status="finished", finished=utc_now())
    assert heard.wait(20)
    widget.close()
    widget._follower.wait(20)
    assert not widget._follower.is_following
    assert [message["op"] for message in sent] == ["jobs"] * len(sent)
    assert sent[-1]["jobs"][0]["done"] == 2
    assert sent[-1]["chosen"]["number"] == number
    # What has not changed is not told again.
    assert len(sent) == 2


def test_a_monitor_cancels_through_the_row(number):
    found = JobMonitor().answer("cancel", {"number": number})
    assert found["jobs"][0]["status"] == "cancelled"


# -- following -----------------------------------------------------------------------------


def follow(looks, **more):
    told = []
    steps = iter(looks)
    follower = Follower(lambda: next(steps), told.append, **more)
    follower.begin(seconds=20)
    follower.wait(20)
    assert not follower.is_following
    return told


def test_it_follows_until_it_is_over():
    told = follow([({"n": 1}, False), ({"n": 1}, False), ({"n": 2}, False), ({"n": 2}, True)])
    assert told == [{"n": 1, "over": False}, {"n": 2, "over": False}, {"n": 2, "over": True}]


def test_an_error_is_told_in_one_line():
    def broken():
        raise QueryError("the database\nis gone", "look")

    told = []
    follower = Follower(broken, told.append)
    follower.begin()
    follower.wait(20)
    assert told == [{"failure": "the database is gone (look)", "over": True}]


def test_without_interest_it_stops():
    told = []
    follower = Follower(lambda: ({"n": 1}, False), told.append)
    follower.begin(seconds=0.01)
    follower.wait(20)
    assert not follower.is_following


def test_never_more_than_ten_looks_a_second():
    assert Follower(lambda: ({}, True), print, pause=0.0)._pause == 0.1
