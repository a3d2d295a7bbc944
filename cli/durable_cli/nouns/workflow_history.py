"""`dw workflow history`, `history-export` and `debug`: what the nouns history and debug do, too."""

from durable_cli.command import command, noun
from durable_cli.nouns import debug, history

app = noun()
_history = command(app, "history")(history.show)
_export = command(app, "history-export", hidden=True)(history.export)
_debug = command(app, "debug")(debug.workflow)
