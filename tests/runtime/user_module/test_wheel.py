"""The wheel of the user's module, which TFX installs at each look for a function."""

import logging

from tfx.components.util import udf_utils

from tfx_lr_finder.runtime.user_module.lr_finder_fn import (
    find_function,
    find_lr_finder_fn,
)


def test_a_module_without_lr_finder_fn_is_installed_once(tmp_path, caplog):
    source = tmp_path / "module_installed_once.py"
    source.write_text("def run_fn(fn_args):\n    return 'trained'\n")
    path = udf_utils.package_user_module_file("Finder", str(source), str(tmp_path))[1]
    properties = {"module_path": path}
    with caplog.at_level(logging.INFO, logger="absl"):
        assert find_lr_finder_fn(properties) is None
        run_fn = find_function(properties, "run_fn", is_loaded=True)
    assert run_fn(None) == "trained"
    assert caplog.text.count("to a temporary directory") == 1
