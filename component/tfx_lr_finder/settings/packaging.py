"""The user module as a wheel that travels with the pipeline."""

from tfx.dsl.components.base import base_component

from tfx_lr_finder.settings import keys


def package_module(component: base_component.BaseComponent) -> None:
    """Packages the user module as a wheel when the pipeline is compiled.

    Args:
      component: A component with the execution parameters `module_file` and
        `module_path`; changed.
    """
    # Imported late, because it loads all of TFX's components, and so TensorFlow.
    from tfx.components.util import udf_utils

    if udf_utils.should_package_user_modules():
        udf_utils.add_user_module_dependency(
            component, keys.MODULE_FILE, keys.MODULE_PATH
        )
