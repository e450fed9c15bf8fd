"""Calls to the API of Kubeflow Pipelines."""

import contextlib
import datetime
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from remote.settings import Settings

TIMEOUT_SECONDS = 10


class Api:
    """Uploads, runs and schedules one compiled pipeline.

    Args:
      endpoint: Address of the API.
      namespace: Namespace of the runs.
      experiment: Name of the experiment. It is created if it does not exist.
    """

    def __init__(self, endpoint: str, namespace: str, experiment: str) -> None:
        """Connects.

        Raises:
          ValueError: If no server answers at the endpoint.
        """
        check_answers(endpoint)
        import kfp

        self._endpoint = endpoint
        self._namespace = namespace
        self._experiment = experiment
        with self._refusals("connect"):
            self._client = kfp.Client(host=endpoint, namespace=namespace)

    def upload(self, settings: Settings) -> str:
        """Uploads the compiled pipeline as a new version, and returns its id."""
        now = datetime.datetime.now(datetime.timezone.utc)
        version = f"{settings.name}-{now:%Y%m%d-%H%M%S}"
        with self._refusals("upload"):
            pipeline_id = self._client.get_pipeline_id(settings.name)
            if pipeline_id is None:
                created = self._client.upload_pipeline(
                    settings.output, pipeline_name=settings.name
                )
                return str(created.pipeline_id)
            created = self._client.upload_pipeline_version(
                settings.output, version, pipeline_id=pipeline_id
            )
            return str(created.pipeline_version_id)

    def run(self, settings: Settings, service_account: str) -> str:
        """Starts a run, and returns its id."""
        with self._refusals("run"):
            run = self._client.run_pipeline(
                self._experiment_id(),
                settings.name,
                settings.output,
                pipeline_root=settings.root.rstrip("/"),
                service_account=service_account,
            )
            return str(run.run_id)

    def schedule(self, settings: Settings, service_account: str) -> str:
        """Creates a recurring run and returns its id.

        One run at a time, and no runs for times that have passed.
        """
        with self._refusals("schedule"):
            recurring = self._client.create_recurring_run(
                self._experiment_id(),
                settings.name,
                cron_expression=f"0 {settings.cron}",  # KFP's begins with seconds
                max_concurrency=1,
                no_catchup=True,
                pipeline_package_path=settings.output,
                pipeline_root=settings.root.rstrip("/"),
                service_account=service_account,
            )
            return str(recurring.recurring_run_id)

    def _experiment_id(self) -> str:
        created = self._client.create_experiment(
            self._experiment, namespace=self._namespace
        )
        return str(created.experiment_id)

    @contextlib.contextmanager
    def _refusals(self, action: str) -> Iterator[None]:
        """Raises an error of the API as a ValueError of one sentence."""
        import kfp_server_api
        import urllib3

        try:
            yield
        except kfp_server_api.ApiException as error:
            raise ValueError(
                f"Kubeflow Pipelines at {self._endpoint} refused to {action}: "
                f"{error.status} {error.reason}. {(error.body or '')[:500]}"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise ValueError(
                f"Kubeflow Pipelines at {self._endpoint} stopped answering: {error}"
            ) from error


def check_answers(endpoint: str) -> None:
    """Checks that a server answers at the endpoint, and lets this machine in.

    Raises:
      ValueError: If none answers within a few seconds, or it asks for credentials.
    """
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"--endpoint must be an address such as http://localhost:8888, got "
            f"{endpoint!r}."
        )
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), TIMEOUT_SECONDS).close()
    except OSError as error:
        raise ValueError(
            f"No server answers at --endpoint {endpoint}: {error}. Check that the "
            "cluster is up, and that `kubectl --namespace kubeflow port-forward "
            "svc/ml-pipeline 8888` runs."
        ) from error
    if not _client_has_credentials(parts.hostname):
        _check_lets_in(endpoint)


def _client_has_credentials(host: str) -> bool:
    """Whether kfp's client sends credentials of its own to a host."""
    return host.endswith(".googleusercontent.com") or any(
        name.startswith(("KF_PIPELINES_SA", "KF_PIPELINES_IAP")) for name in os.environ
    )


def _check_lets_in(endpoint: str) -> None:
    """Checks that the server answers a question without credentials."""
    address = endpoint.rstrip("/") + "/apis/v2beta1/healthz"
    try:
        urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):
            return  # kfp's client reports it
        raise ValueError(
            f"Kubeflow Pipelines at --endpoint {endpoint} asks for credentials "
            f"({error.code} {error.reason}). Run `kubectl --namespace kubeflow "
            "port-forward svc/ml-pipeline 8888` and pass http://localhost:8888, or "
            "set the KF_PIPELINES_... variables that kfp's client reads."
        ) from error
    except OSError as error:
        raise ValueError(
            f"The server at --endpoint {endpoint} does not speak HTTP as expected: "
            f"{error}. Check the scheme and the port."
        ) from error
