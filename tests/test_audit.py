"""`make audit`, with a pip-audit that prints messages of the real one."""

import pathlib
import shutil
import subprocess

import pytest

AUDIT = pathlib.Path(__file__).parents[1] / ".ci/audit.sh"
CLEAN = "No known vulnerabilities found"
FOUND = "Found 2 known vulnerabilities in 1 package"
UNKNOWN = "ERROR:pip_audit._cli:zipp: Dependency not found on PyPI"
NOT_REACHED = "requests.exceptions.ProxyError: HTTPSConnectionPool"


@pytest.mark.parametrize(
    ("printed", "exit_status", "status"),
    [(CLEAN, 0, 0), (FOUND, 1, 1), (UNKNOWN, 1, 2), (NOT_REACHED, 1, 2)],
)
def test_the_audit_passes_only_if_every_package_was_checked_and_is_clean(
    printed, exit_status, status, tmp_path
):
    (tmp_path / ".ci").mkdir()
    shutil.copy(AUDIT, tmp_path / ".ci/audit.sh")
    fake = tmp_path / ".ci/uv.sh"
    fake.write_text(
        '#!/bin/sh\n[ "$6" = --strict ] || exit 9\n'
        f'echo "{printed}"\nexit {exit_status}\n'
    )
    fake.chmod(0o755)
    done = subprocess.run(
        [tmp_path / ".ci/audit.sh", "locked.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert printed in done.stdout + done.stderr
    assert ("nothing was audited" in done.stderr) == (status == 2)
