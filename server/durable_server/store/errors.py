"""What can go wrong with a database, in three words, whichever database it is."""

import sqlite3

import peewee
import psycopg2
from psycopg2 import errorcodes

from durable_server.refusal import Refusal, invalid


class StoreBusy(Exception):
    """Nothing was stored; the same transaction may succeed when tried again."""


class StoreSlow(StoreBusy):
    """A statement was ended because it took longer than it was allowed to."""


class StoreLost(Exception):
    """The database is out of reach; the connection is made anew at its next use."""


class StoreConflict(Exception):
    """A row with this key is already there, or one that was to be changed is not."""


_BUSY = {
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.LOCK_NOT_AVAILABLE,
}
_LOST = {
    errorcodes.ADMIN_SHUTDOWN,
    errorcodes.CRASH_SHUTDOWN,
    errorcodes.CANNOT_CONNECT_NOW,
    errorcodes.TOO_MANY_CONNECTIONS,
    errorcodes.READ_ONLY_SQL_TRANSACTION,
    errorcodes.IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_LOST = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
}
_SQLITE_CONFLICT = {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE}


def classify(error: BaseException) -> BaseException:
    """The store's word for a driver's error; any other error is returned as it is."""
    while isinstance(error, peewee.PeeweeException) and _origin(error) is not None:
        error = _origin(error) or error
    if isinstance(error, psycopg2.Error):
        return _of_postgres(error)
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, UnicodeEncodeError) or (
        isinstance(error, ValueError) and "NUL" in str(error)
    ):
        return _unstorable()
    return error


def _origin(error: BaseException) -> BaseException | None:
    return error.__cause__ or error.__context__


def _of_postgres(error: psycopg2.Error) -> BaseException:
    if error.pgcode == errorcodes.QUERY_CANCELED:
        return StoreSlow(str(error))
    if error.pgcode in _BUSY:
        return StoreBusy(str(error))
    if error.pgcode == errorcodes.UNIQUE_VIOLATION:
        return StoreConflict(str(error))
    if error.pgcode in (errorcodes.UNTRANSLATABLE_CHARACTER, "22021"):
        return _unstorable()
    if error.pgcode in _LOST:
        return StoreLost(str(error))
    broken = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    return StoreLost(str(error)) if broken and error.pgcode is None else error


def _of_sqlite(error: sqlite3.Error) -> BaseException:
    code = getattr(error, "sqlite_errorcode", 0) or 0
    if code & 0xFF == sqlite3.SQLITE_INTERRUPT:
        return StoreSlow(str(error))
    if code & 0xFF in _SQLITE_BUSY:
        return StoreBusy(str(error))
    if code in _SQLITE_CONFLICT:
        return StoreConflict(str(error))
    return StoreLost(str(error)) if code & 0xFF in _SQLITE_LOST else error


def _unstorable() -> Refusal:
    # PostgreSQL text holds neither U+0000 nor half a surrogate pair; nothing may be lost silently.
    return invalid({"body": ["The request contains a character that cannot be stored."]})
