from tests import tested

RECORD = {
    "tfx": "1.21.0",
    "tensorflow": "2.21.0",
    "python": "3.12",
    "keras": {"keras": "3.15.1", "tf_keras": "2.21.0"},
    "kfp": False,
    "tested": [["LocalDagRunner", "keras"]],
}


def test_the_readme_says_what_the_runs_told():
    text = tested.README.read_text()
    assert tested.with_table(text, tested.table(tested.records())) == text


def test_a_cell_says_tested_not_tested_or_why_it_cannot_be():
    _, _, keras, tf_keras = tested.table([RECORD]).splitlines()
    rest = "no runner in TFX | no runner in TFX |"
    assert keras == (f"| 1.21.0 | 2.21.0 | 3.12 | keras 3.15.1 | tested | {rest}")
    assert tf_keras == (
        f"| 1.21.0 | 2.21.0 | 3.12 | tf_keras 2.21.0 | not tested | {rest}"
    )


def test_pythons_stand_in_the_order_of_their_versions():
    rows = tested.table([RECORD, {**RECORD, "python": "3.9"}]).splitlines()[2:]
    assert ["| 3.9 |" in row for row in rows] == [True, True, False, False]
