"""`dw completion`: the script that makes a shell complete nouns, verbs, options and values."""

from durable_cli.command import command, noun
from durable_cli.session import Session
from durable_cli.version import COMPLETING, PROGRAM

app = noun()


def _script(session: Session, shell: str) -> None:
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name=PROGRAM, complete_var=COMPLETING, shell=shell))


@command(app, "bash", alone=True)
def bash(session: Session) -> None:
    """For bash: eval "$(dw completion bash)"."""
    _script(session, "bash")


@command(app, "zsh", alone=True)
def zsh(session: Session) -> None:
    """For zsh: eval "$(dw completion zsh)"."""
    _script(session, "zsh")


@command(app, "fish", alone=True)
def fish(session: Session) -> None:
    """For fish: dw completion fish | source."""
    _script(session, "fish")
