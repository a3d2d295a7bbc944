"""A connection that is given up in the middle of a transaction leaves no lock behind."""

import sqlite3
from pathlib import Path

import pytest
from durable_server.store.database import StoreLost

from tests.store.rows import a_start
from tests.support.databases import own_store


def test_a_transaction_that_was_lost_holds_up_no_other(tmp_path: Path) -> None:
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
    with own_store("sqlite", tmp_path) as store:
        with pytest.raises(StoreLost) as caught, store.connect().transaction() as tx:
            tx.write([a_start()])
            # A cursor that has not been read to its end, as the error's own frames may hold one.
            reading = tx.database.connection().execute("SELECT type FROM sqlite_master")
            raise failure
        other = store.connect()
        with other.transaction() as tx:
            tx.database.execute_sql("PRAGMA busy_timeout = 0")
            tx.write([a_start("another")])
    assert caught.value is not None
    assert reading is not None
