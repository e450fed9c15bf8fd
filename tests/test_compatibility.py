from tests import compatibility

RECORD = {
    "tfx": "1.21.0",
    "tensorflow": "2.21.0",
    "python": "3.12",
    "keras": {"keras": "3.15.1", "tf_keras": "2.21.0"},
    "kfp": False,
    "tested": [["LocalDagRunner", "keras"]],
}


def test_the_table_in_the_docs_is_the_one_of_the_records():
    text = compatibility.PAGE.read_text()
    assert (
        compatibility.with_table(text, compatibility.table(compatibility.records()))
        == text
    )


def test_a_cell_is_tested_or_not_tested_or_without_a_runner():
    _, _, keras, tf_keras = compatibility.table([RECORD]).splitlines()
    rest = "no runner in TFX | no runner in TFX |"
    assert keras == (f"| 1.21.0 | 2.21.0 | 3.12 | keras 3.15.1 | tested | {rest}")
    assert tf_keras == (
        f"| 1.21.0 | 2.21.0 | 3.12 | tf_keras 2.21.0 | not tested | {rest}"
    )


def test_rows_are_sorted_by_the_version_of_python_as_numbers():
    rows = compatibility.table([RECORD, {**RECORD, "python": "3.9"}]).splitlines()[2:]
    assert ["| 3.9 |" in row for row in rows] == [True, True, False, False]
