"""What the server records replays, in the SDK's own replayer, to what was decided."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.sdk.environments import python_for
from tests.sdk.fleet import LEASES, PROGRAMS, environment
from tests.support.databases import own_database
from tests.support.server_process import TOKEN, ServerProcess

pytestmark = pytest.mark.sdk

JUDGES = ("0.4.106", "2.12.0")
# Fan-outs within fan-outs, memo and select are words of the later family.
LATER = ("2.12.0",)
FEW, MANY = 4, 20
PROGRAMS_AT_ONCE = 8

Step = dict[str, Any]

values = st.one_of(
    st.integers(-1000, 1000), st.text(max_size=6), st.lists(st.booleans(), max_size=3)
)
moments = st.sampled_from([0, 0, 0, 0.05, 0.3])
activities = st.builds(
    lambda do, value, seconds: {"do": do, "value": value, "seconds": seconds},
    st.sampled_from(["answer", "answer", "answer", "stumble"]),
    values,
    moments,
)
timers = st.builds(lambda seconds: {"do": "timer", "value": seconds}, st.sampled_from([0, 0, 1]))
side_effects = st.builds(lambda value: {"do": "side_effect", "value": value}, values)
names = st.sampled_from(["a", "b", "c"])
markers = st.builds(
    lambda do, name: {"do": do, "value": f"{do}-{name}"},
    st.sampled_from(["version", "patched"]),
    names,
)
attributes = st.builds(lambda name: {"do": "attributes", "value": name}, names)
memos = st.builds(lambda value: {"do": "memo", "value": value}, values)
firsts = st.builds(
    lambda inside: {"do": "first", "of": inside},
    st.lists(st.one_of(activities, timers), min_size=2, max_size=3),
)
breaks = st.builds(lambda value: {"do": "break", "value": value}, values)


def steps(release: str) -> st.SearchStrategy[Step]:
    """One step of a program, in the words of a release."""
    children = st.builds(
        lambda inside: {"do": "child", "value": inside},
        st.lists(st.one_of(activities, timers, side_effects, breaks), max_size=3),
    )
    members: st.SearchStrategy[Step] = st.one_of(activities, timers, children)
    if release in LATER:
        members = st.recursive(members, fan_out, max_leaves=4)
    plain = (activities, timers, side_effects, markers, attributes, waits(release), children)
    more = (memos, firsts) if release in LATER else ()
    return st.one_of(*plain, *more, fan_out(members))


def waits(release: str) -> st.SearchStrategy[Step]:
    """Waits for letters; the earlier family cannot replay one that holds when it is reached."""
    return st.builds(
        lambda letters, fresh, key, limits: {
            "do": "wait",
            "value": letters,
            "fresh": fresh,
            "options": {"key": key, **limits},
        },
        st.integers(0 if release in LATER else 1, 3),
        st.booleans() if release in LATER else st.just(True),
        names,
        st.sampled_from([{}, {}, {"timeout": 0}, {"timeout": 1}]),
    )


def fan_out(members: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    """Steps side by side."""
    return st.builds(
        lambda inside: {"do": "all", "of": inside}, st.lists(members, min_size=1, max_size=4)
    )


def programs(release: str) -> st.SearchStrategy[Step]:
    """A whole program, and the updates that it is sent."""
    ends = st.sampled_from([[], [], [], [{"do": "again"}], [{"do": "break", "value": 0}]])
    return st.builds(
        lambda first, end, rest, updates: {"steps": [*first, *end, *rest], "updates": updates},
        st.lists(steps(release), min_size=2, max_size=6),
        ends,
        st.lists(steps(release), max_size=3),
        st.lists(st.sampled_from(["kept", "refused"]), max_size=2),
    )


class Judge:
    """A worker and a replayer of one release, fed with programs line by line."""

    def __init__(self, server: ServerProcess, release: str, folder: Path) -> None:
        queue = f"oracle-{uuid.uuid4().hex[:8]}"
        self.log = folder / f"oracle-{release}.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [python_for(release), PROGRAMS / "oracle.py", server.url, TOKEN, queue],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )

    def judge(self, batch: list[Step]) -> dict[str, Any]:
        """What became of these programs."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(batch) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log.read_text()[-4000:]
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("oracle")
    with own_database(request.param, folder) as url:
        running = ServerProcess(url, folder / "server.log", LEASES)
        yield running.start()
        running.stop()


@pytest.fixture(params=JUDGES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def judge(server: ServerProcess, release: str, tmp_path: Path) -> Iterator[Judge]:
    running = Judge(server, release, tmp_path)
    yield running
    running.close()


def judged(judge: Judge, release: str, batches: int) -> int:
    """Let Hypothesis make batches of programs; how many workflow tasks were judged."""
    tasks = []

    # A program that failed need not fail again at the same moment, so nothing is made smaller.
    @settings(
        max_examples=batches,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.lists(programs(release), min_size=PROGRAMS_AT_ONCE, max_size=PROGRAMS_AT_ONCE))
    def every_history_replays(batch: list[Step]) -> None:
        answer = judge.judge(batch)
        assert answer["wrong"] == [], "\n".join(answer["wrong"][:3])
        tasks.append(answer["tasks"])

    run: Callable[[], None] = every_history_replays
    run()
    return sum(tasks)


def test_histories_replay_to_what_was_decided(judge: Judge, release: str) -> None:
    assert judged(judge, release, FEW) > FEW * PROGRAMS_AT_ONCE


@pytest.mark.long
def test_many_histories_replay_to_what_was_decided(judge: Judge, release: str) -> None:
    assert judged(judge, release, MANY) > MANY * PROGRAMS_AT_ONCE
