"""`make audit` with a pip-audit that says what the real one may say."""

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
    ("told", "ended", "status"),
    [(CLEAN, 0, 0), (FOUND, 1, 1), (UNKNOWN, 1, 2), (NOT_REACHED, 1, 2)],
)
def test_the_audit_passes_only_with_an_answer_that_is_clean(
    told, ended, status, tmp_path
):
    (tmp_path / ".ci").mkdir()
    shutil.copy(AUDIT, tmp_path / ".ci/audit.sh")
    fake = tmp_path / ".ci/uv.sh"
    fake.write_text(
        f'#!/bin/sh\n[ "$6" = --strict ] || exit 9\necho "{told}"\nexit {ended}\n'
    )
    fake.chmod(0o755)
    done = subprocess.run(
        [tmp_path / ".ci/audit.sh", "locked.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert told in done.stdout + done.stderr
    assert ("nothing was audited" in done.stderr) == (status == 2)
