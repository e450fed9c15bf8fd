import copy
import json

import pytest

from tfx_lr_finder.fn_args import Watched, check_choices

READS = {
    "item": lambda d: d["rate"],
    "get": lambda d: d.get("rate"),
    "pop": lambda d: d.pop("rate"),
    "items": lambda d: list(d.items()),
    "values": lambda d: list(d.values()),
    "unpacked": lambda d: {**d},
    "json": json.dumps,
}
NO_READS = {
    "another item": lambda d: d["units"],
    "another get": lambda d: d.get("units"),
    "contains": lambda d: "rate" in d,
    "names": lambda d: list(d),
    "copy": copy.deepcopy,
}


@pytest.fixture
def watch():
    def run(use):
        reads = []
        entries = {"rate": 0.5, "units": 3}
        use(Watched(entries, {"rate"}, lambda: reads.append(1)))
        return bool(reads)

    return run


@pytest.mark.parametrize("name", READS)
def test_every_way_to_the_entry_is_told(name, watch):
    assert watch(READS[name])


@pytest.mark.parametrize("name", NO_READS)
def test_what_does_not_read_the_entry_is_not_told(name, watch):
    assert not watch(NO_READS[name])


def test_a_copy_is_a_plain_dict_of_the_same_entries():
    watched = Watched({"rate": 0.5}, {"rate"}, lambda: None)
    assert copy.deepcopy(watched) == {"rate": 0.5}
    assert type(copy.deepcopy(watched)) is dict


def test_a_choice_that_is_none_is_refused():
    with pytest.raises(ValueError, match="apply must be one of 'fit', 'hyperparam"):
        check_choices(apply="always")
