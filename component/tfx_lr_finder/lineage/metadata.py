"""A connection to read ML Metadata: SQLite, MySQL or a gRPC endpoint."""

import contextlib
import os
import pathlib
import sqlite3
import urllib.parse
from typing import TypeAlias

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

MYSQL_PASSWORD = "LR_FINDER_MYSQL_PASSWORD"  # noqa: S105 - a variable's name
MYSQL_PORT = 3306
GRPC_PORT = 8080
TIMEOUT_SECONDS = 20.0
NUM_RETRIES = 1
LOCK_SECONDS = 2.0

Config: TypeAlias = (
    metadata_store_pb2.ConnectionConfig | metadata_store_pb2.MetadataStoreClientConfig
)


def connect(location: str) -> metadata_store.MetadataStore:
    """Returns a store to read from.

    An SQLite file is opened read-only. In an empty MySQL database, ML Metadata creates
    its tables if the account may. Use an account that may only read.

    Args:
      location: A path of an SQLite file; `mysql://user@host:port/database`, with the
        password in LR_FINDER_MYSQL_PASSWORD; or `grpc://host:port`, such as a port
        forwarded to Kubeflow's `metadata-grpc-service`.

    Raises:
      ValueError: The location is none of these, there is no such file, or the store
        does not answer.
    """
    config = connection_config(location)
    try:
        store = metadata_store.MetadataStore(config)
        store.get_artifact_types()
    except Exception as error:  # RuntimeError, errors.StatusError, by the kind of store
        raise ValueError(_explain(location, error)) from error
    return store


def connection_config(location: str) -> Config:
    """Returns ML Metadata's own configuration for a location; see `connect`."""
    scheme, separator, _ = location.partition("://")
    if not separator or scheme == "sqlite":
        return _sqlite(location.removeprefix("sqlite://"))
    parts = urllib.parse.urlsplit(location)
    if scheme == "grpc" and parts.hostname:
        return metadata_store_pb2.MetadataStoreClientConfig(
            host=parts.hostname,
            port=_port(parts) or GRPC_PORT,
            client_timeout_sec=TIMEOUT_SECONDS,
        )
    if scheme == "mysql" and parts.hostname and parts.path.strip("/"):
        return _mysql(parts)
    raise ValueError(
        f"The metadata store {location!r} cannot be read. Pass the path of an SQLite "
        "file, mysql://user@host:port/database or grpc://host:port."
    )


def _sqlite(path: str) -> metadata_store_pb2.ConnectionConfig:
    _probe(path)
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = (
        metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    )
    return config


def _probe(path: str) -> None:
    """Rejects a file that ML Metadata would create, or wait half a minute for."""
    try:
        with open(path, "rb"):
            pass
        address = f"{pathlib.Path(path).absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS)
        with contextlib.closing(connection):
            connection.execute("SELECT schema_version FROM MLMDEnv").fetchall()
    except OSError as error:
        raise ValueError(
            f"There is no readable metadata store at {path!r}: {error.strerror}. Pass "
            "the file that the pipeline's metadata_connection_config names."
        ) from error
    except sqlite3.Error as error:
        locked = "another process holds a lock on it; try again"
        reason = locked if "locked" in str(error) else f"{error}"
        raise ValueError(
            f"{path!r} cannot be read as a metadata store: {reason}."
        ) from error


def _mysql(parts: urllib.parse.SplitResult) -> metadata_store_pb2.ConnectionConfig:
    config = metadata_store_pb2.ConnectionConfig()
    config.mysql.host = parts.hostname or ""
    config.mysql.port = _port(parts) or MYSQL_PORT
    config.mysql.database = parts.path.strip("/")
    config.mysql.user = urllib.parse.unquote(parts.username or "")
    password = os.environ.get(MYSQL_PASSWORD, "")
    config.mysql.password = urllib.parse.unquote(parts.password or "") or password
    config.mysql.skip_db_creation = True
    config.retry_options.max_num_retries = NUM_RETRIES
    return config


def _port(parts: urllib.parse.SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise ValueError(
            f"The port of the metadata store must be a number: {error}. Pass "
            "mysql://user@host:port/database or grpc://host:port."
        ) from error


def _explain(location: str, error: Exception) -> str:
    # Keep a password out of the logs.
    shown = urllib.parse.urlsplit(location)
    if shown.password:
        host = f"{shown.username}:***@{shown.hostname}"
        location = shown._replace(netloc=host).geturl()
    text = str(error).strip() or type(error).__name__
    return (
        f"The metadata store {location!r} does not answer: {text}. Check that it is "
        "running, that the user name and the password are correct, and that the "
        "account has read access."
    )
