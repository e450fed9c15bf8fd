from tfx_lr_finder import LRFinderResult, last_good_resolver
from tfx_lr_finder.lineage import resolver


def test_the_strategy_finds_at_most_num_results_ok_results_newest_first(
    write_results, make_report, make_inconclusive
):
    results = write_results(
        make_report(), make_inconclusive(), make_report(), make_report()
    )
    strategy = resolver.LatestOkStrategy(num_results=2)
    resolved = strategy.resolve_artifacts(None, {"previous": results})
    assert [result.id for result in resolved["previous"]] == [4, 3]


def test_the_strategy_does_not_fail_a_run_without_previous_results():
    strategy = resolver.LatestOkStrategy()
    assert strategy.resolve_artifacts(None, {"previous": []}) == {"previous": []}


def test_the_resolver_is_named_after_its_lr_finder():
    node = last_good_resolver("LRFinder.wide", num_results=3)
    assert node.id == "LastGood.LRFinder.wide"
    assert node.outputs["previous"].type is LRFinderResult
    (channel,) = node.raw_inputs.values()
    assert channel.producer_component_id == "LRFinder.wide"
