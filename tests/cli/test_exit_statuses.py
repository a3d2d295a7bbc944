"""Every exit status of `dw`, each brought about by a real server, or by what is none."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_cli import problem

from tests.cli.conftest import Within
from tests.cli.world import World, variables
from tests.support.databases import own_database
from tests.support.server_process import TOKEN, ServerProcess


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that lets nobody in, since it was given no key."""
    folder = tmp_path_factory.mktemp("broken")
    settings = {"WORKFLOW_SERVER_AUTH_DRIVER": "signature"}
    with own_database("sqlite", folder) as url:
        process = ServerProcess(url, folder / "server.log", settings)
        process.launch()
        process.wait_ready = lambda: None  # type: ignore[method-assign]
        yield process.url
        process.stop()


class Stranger(http.server.BaseHTTPRequestHandler):
    """What is no workflow server: it answers everything with the same page, or the same object."""

    content, kind = b"<html>hello</html>", "text/html"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class OfAnotherRelease(Stranger):
    """A server whose replies have not the members that this program knows."""

    content, kind = b'{"things": []}', "application/json"

    def end_headers(self) -> None:
        self.send_header("X-Durable-Workflow-Control-Plane-Version", "2")
        super().end_headers()


class OfAnotherVersion(Stranger):
    """A server of another version of the control plane."""

    content, kind = b"{}", "application/json"

    def end_headers(self) -> None:
        self.send_header("X-Durable-Workflow-Control-Plane-Version", "3")
        super().end_headers()


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


CASES = {
    "ended otherwise": (["workflow", "result", "{closed}"], problem.FAILURE),
    "refused": (["schedule", "resume", "{schedule}"], problem.FAILURE),
    "an option is missing": (["workflow", "start"], problem.USAGE),
    "an unknown option": (["workflow", "list", "--colour"], problem.USAGE),
    "an unknown noun": (["workflwo", "list"], problem.USAGE),
    "an unknown verb": (["workflow", "lsit"], problem.USAGE),
    "an invalid field": (["workflow", "start", "--type=", "--run-timeout=0"], problem.USAGE),
    "no JSON": (["workflow", "start", "--type=t", "--input={"], problem.USAGE),
    "an unknown profile": (["workflow", "list", "--profile=none"], problem.USAGE),
    "an unknown form": (["workflow", "list", "--output=xml"], problem.USAGE),
    "no address": (["workflow", "list", "--server=nonsense"], problem.USAGE),
    "a query of its own grammar": (["workflow", "list", "--query=a ="], problem.USAGE),
    "nobody listens": (
        ["server", "health", "--server=http://127.0.0.1:9", "--retries=0"],
        problem.NETWORK,
    ),
    "a wrong token": (["workflow", "list", "--token=wrong-secret"], problem.AUTH),
    "an unknown workflow": (["workflow", "describe", "nobody"], problem.NOT_FOUND),
    "an unknown namespace": (["workflow", "list", "--namespace=nowhere"], problem.NOT_FOUND),
    "an unknown worker": (["worker", "describe", "nobody"], problem.NOT_FOUND),
    "an unknown schedule": (["schedule", "describe", "none"], problem.NOT_FOUND),
    "an unknown operation": (["bulk", "describe", "none"], problem.NOT_FOUND),
    "time was up": (["workflow", "wait", "{open}", "--wait-timeout=0"], problem.TIMEOUT),
    "an update takes too long": (
        ["workflow", "update", "{open}", "u", "--wait-timeout=1"],
        problem.TIMEOUT,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_server_says_what_went_wrong(
    case: str, world: World, within: Within, tmp_path: Path
) -> None:
    words, code = CASES[case]
    made = {
        "{closed}": lambda: world.closed()["workflow_id"],
        "{open}": lambda: world.open()["workflow_id"],
        "{schedule}": world.schedule,
    }

    done = within(*(made[word]() if word in made else word for word in words))

    assert done.exit_code == code, done.output
    # Whoever reads it is told what to do next; an update that goes on is a reply.
    assert "remedy:" in done.stderr or "--help" in done.stderr or code == problem.TIMEOUT


def test_a_server_that_fails_is_told_from_one_that_refuses(broken: str, within: Within) -> None:
    done = within("server", "info", f"--server={broken}", "--retries=0")
    while done.exit_code == problem.NETWORK:
        done = within("server", "info", f"--server={broken}", "--retries=0")

    assert done.exit_code == problem.SERVER
    assert "request id:" in done.stderr


@pytest.mark.parametrize(
    "address",
    [Stranger, OfAnotherRelease, OfAnotherVersion],
    indirect=True,
    ids=lambda t: t.__name__,
)
def test_what_is_no_server_of_ours_does_not_fit(address: str, within: Within) -> None:
    done = within("workflow", "list", f"--server={address}", "-o", "json")

    error = json.loads(done.stderr)["error"]
    assert (done.exit_code, error["exit_code"]) == (problem.COMPATIBILITY, problem.COMPATIBILITY)
    assert "dw doctor" in error["remedy"]


def test_every_status_is_brought_about() -> None:
    elsewhere = {problem.OK, problem.SERVER, problem.COMPATIBILITY}

    assert {code for _, code in CASES.values()} | elsewhere == set(range(9))


SECRET = 's3cret/"ünd" more'


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
@pytest.mark.parametrize(
    "words",
    [
        ["workflow", "list"],
        ["workflow", "list", "--verbose"],
        ["server", "info", "--server=http://127.0.0.1:9", "--verbose", "--retries=0"],
        ["server", "health", f"--server=http://me:{TOKEN}@127.0.0.1:9", "--retries=0", "--verbose"],
        ["workflow", "describe", SECRET],
        ["workflow", "start", "--type=t", f"--input={SECRET}"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_no_secret_is_ever_shown(words: list[str], output: str, within: Within) -> None:
    given = {"DURABLE_WORKFLOW_AUTH_TOKEN": SECRET, "DURABLE_WORKFLOW_SIGNATURE_KEY": "other-key"}

    done = within(*words, "-o", output, **given)

    for shown in (SECRET, json.dumps(SECRET)[1:-1], "other-key", "s3cret"):
        assert shown not in done.output
    assert TOKEN not in done.output


def test_a_failing_command_of_a_profile_tells_no_token(within: Within, tmp_path: Path) -> None:
    command = f"sh -c 'echo token={SECRET.split()[0]!r} >&2; exit 3'"
    within("profile", "set", "p", "--token-command", command)

    done = within("workflow", "list", "--profile", "p", DURABLE_WORKFLOW_AUTH_TOKEN="")

    assert done.exit_code == problem.AUTH
    assert "s3cret" not in done.output


@pytest.mark.parametrize("strict", ["false", "true"])
def test_requests_are_signed_where_credentials_are_keys(
    strict: str, within: Within, tmp_path: Path
) -> None:
    settings = {
        "WORKFLOW_SERVER_AUTH_DRIVER": "signature",
        "WORKFLOW_SERVER_ADMIN_SIGNATURE_KEY": "key-of-admins",
        "WORKFLOW_SERVER_SIGNATURE_STRICT": strict,
    }
    with own_database("sqlite", tmp_path) as url:
        server = ServerProcess(url, tmp_path / "server.log", settings).start()
        given = {**variables(server, tmp_path), "DURABLE_WORKFLOW_AUTH_TOKEN": ""}
        key = {"DURABLE_WORKFLOW_SIGNATURE_KEY": "key-of-admins"}

        started = within("workflow", "start", "--type=t", "--id=signed", **given, **key)
        shown = within("workflow", "describe", "signed", "--json", **given, **key)
        listed = within("workflow", "list", "--query", "WorkflowType = 'ü & t'", **given, **key)
        kept = within("profile", "set", "here", "--signature-key-env=KEY", "--use", **given)
        named = within("namespace", "create", "more", **given, KEY="key-of-admins")
        absent = within("worker", "describe", "w ü/?", **given, **key)
        wrong = within("workflow", "list", "--signature-key=wrong-key", **given)
        server.stop()

    assert [each.exit_code for each in (started, shown, listed, kept, named)] == [0] * 5
    assert json.loads(shown.stdout)["workflow_id"] == "signed"
    assert absent.exit_code == problem.NOT_FOUND
    assert wrong.exit_code == problem.AUTH
    assert "--signature-key" in wrong.stderr
