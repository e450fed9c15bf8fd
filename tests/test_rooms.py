"""Imports between the rooms of the package go one way."""

import ast
import graphlib
import pathlib

import tfx_lr_finder

ROOT = pathlib.Path(tfx_lr_finder.__file__).parent

MAY_IMPORT = {
    "version": "",
    "storage": "",
    "console": "",
    "kfp_folders": "",
    "range_test": "",
    "settings": "range_test",
    "fn_args": "settings",
    "result_file": "range_test storage",
    "artifact": "console range_test result_file settings storage",
    "views": "range_test storage version",
    "lineage": "artifact range_test result_file settings",
    "kfp": "range_test settings",
    "kfp_task": "kfp_folders settings storage",
    "kfp_main": "kfp_task runtime.checkpoint settings",
    "runtime.loop": "range_test settings version",
    "schedules": "fn_args range_test",
    "runtime.fit": "fn_args range_test result_file runtime.loop schedules settings",
    "runtime.examples": "fn_args settings",
    "runtime.user_module": (
        "fn_args range_test runtime.examples runtime.fit runtime.loop settings"
    ),
    "runtime.sampling": "fn_args range_test runtime.examples runtime.loop settings",
    "runtime.checkpoint": "range_test runtime.loop settings storage",
    "runtime.stopwatch": "",
    "runtime": (
        "artifact fn_args kfp_folders kfp_task lineage range_test result_file "
        "runtime.checkpoint runtime.examples runtime.loop runtime.sampling "
        "runtime.stopwatch runtime.user_module settings storage views"
    ),
    "executor": "runtime.checkpoint runtime.stopwatch settings",
    "component": "artifact executor settings version",
    "vertex": "artifact component executor settings",
    "trainer": "artifact settings",
    "notebook": "artifact range_test result_file storage views",
    "kfp_entrypoint": "console kfp_folders version",
    "cli": "range_test result_file version views",
}
"""Each room, a folder or a module, and the rooms that it may import."""

MAY_IMPORT_LATE = {
    "component": "notebook",
    "executor": "runtime",
    "kfp_main": "runtime",
    "trainer": "runtime.fit",
    "cli": "artifact component executor lineage settings",
}
"""The rooms that a room may import too, but only inside a function."""

EXCEPTIONS = {("range_test", "views")}
"""`LRFinderReport` draws with `views` in `plot` and in `_repr_html_`, late."""


def _room(module):
    """Returns the innermost room that holds a module."""
    while module and module not in MAY_IMPORT:
        module = module.rpartition(".")[0]
    return module


def _modules():
    """Yields each module's name without the package's, and its syntax tree."""
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name:
            yield name, ast.parse(path.read_text())


def _imports(node, late=False):
    """Yields the package's modules that code imports, and whether a function does."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom):
            yield from ((name, late) for name in _imported_modules(child))
        yield from _imports(child, late or isinstance(child, ast.FunctionDef))


def _imported_modules(statement):
    """Returns the package's modules that `from ... import ...` names."""
    package, _, module = (statement.module or "").partition(".")
    if package != "tfx_lr_finder":
        return []
    names = [f"{module}.{alias.name}".lstrip(".") for alias in statement.names]
    return [name if _room(name) == name or not module else module for name in names]


def _found():
    """Returns the imports between rooms as (importing room, imported room, late)."""
    found = {
        (_room(module), _room(imported), late)
        for module, tree in _modules()
        for imported, late in _imports(tree)
    }
    return {(room, other, late) for room, other, late in found if room != other}


def _allowed(table):
    return {(room, other) for room, others in table.items() for other in others.split()}


def test_every_module_is_in_a_room():
    assert [module for module, _ in _modules() if not _room(module)] == []


def test_each_room_imports_only_the_rooms_that_it_may():
    early = {(room, other) for room, other, late in _found() if not late}
    assert early - _allowed(MAY_IMPORT) - EXCEPTIONS == set()
    late = {(room, other) for room, other, late in _found() if late}
    allowed = _allowed(MAY_IMPORT) | _allowed(MAY_IMPORT_LATE)
    assert late - allowed - EXCEPTIONS == set()


def test_the_rooms_import_each_other_without_a_circle():
    pairs = _allowed(MAY_IMPORT) | _allowed(MAY_IMPORT_LATE)
    graph = {room: {other for r, other in pairs if r == room} for room in MAY_IMPORT}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    chain = ["range_test", "runtime", "executor", "component"]
    assert sorted(chain, key=order.index) == chain


def test_range_test_imports_views_late_and_only_for_the_methods_that_draw():
    found = {
        (module, imported, late)
        for module, tree in _modules()
        for imported, late in _imports(tree)
        if (_room(module), _room(imported)) in EXCEPTIONS
    }
    drawing = {"views.plot", "views.html.page"}
    assert found == {("range_test.report", module, True) for module in drawing}


def test_range_test_imports_no_other_room_and_views_does_not_import_runtime():
    assert MAY_IMPORT["range_test"] == ""
    assert "runtime" not in MAY_IMPORT["views"]


def test_the_executor_imports_tensorflow_code_late_and_once():
    tree = ast.parse((ROOT / "executor.py").read_text())
    late = [module for module, is_late in _imports(tree) if is_late]
    assert late == ["runtime"]


def test_the_package_never_uses_a_plain_import_of_itself():
    plain = [
        (module, alias.name)
        for module, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.partition(".")[0] == "tfx_lr_finder"
    ]
    assert plain == []
