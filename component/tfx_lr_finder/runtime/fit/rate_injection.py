"""Sets the rate at a `fit` of `run_fn`, and says which rate the saved model used."""

from collections.abc import Sequence
from typing import Any, cast

from absl import logging

from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.fit.batch_size import read_batch_size, scaling_advice
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.runtime.fit.own_steps import OwnSteps, StepRecorder
from tfx_lr_finder.runtime.fit.recorded_fit import RecordedFit, chain
from tfx_lr_finder.runtime.fit.weights import WeightNumbers
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer
from tfx_lr_finder.settings.trainer_options import OPTIMIZER, TrainerOptions
from tfx_lr_finder.settings.which_fit import fit_number

USE_IT = (
    "Build the optimizer with the rate that tfx_lr_finder.learning_rate(fn_args) "
    "returns, or with a smaller one."
)


class RateInjection:
    """Handles the calls of `fit` while `run_fn` runs.

    Its statement is about the model that `run_fn` saved for serving, or else about the
    model that it trained last.

    Args:
      passed: The result of LRFinder, as `run_fn` gets it.
      options: The Trainer's options.
    """

    def __init__(self, passed: PassedResult, options: TrainerOptions) -> None:
        """Starts with no `fit`."""
        self._passed = passed
        self._rate_found = cast(float, passed.report.learning_rate)
        self._options = options
        self._number = fit_number(options.which_fit)
        self._fits: list[RecordedFit] = []
        self._weights = WeightNumbers()
        self._steps = StepRecorder(self._weights)
        self._saved: frozenset[int] = frozenset()
        self._before_save: tuple[int, list[OwnSteps]] | None = None
        self._running: RecordedFit | None = None
        self._running_optimizer: Any = None

    def on_fit(self, call: FitCall) -> Any:
        """Runs a `fit`; sets the rate before those that `which_fit` names."""
        if self._running or getattr(call.model, "optimizer", None) is None:
            return call.proceed()  # a fit inside a fit, or Keras' own error
        self._steps.end_of_period(len(self._fits))
        number = len(self._fits) + 1
        setting = None
        if self._options.set_rate_on == OPTIMIZER and self._number in (None, number):
            setting = set_rate.set_learning_rate(call, self._passed.report)
            logging.info(
                "LRFinder: fit trains with learning_rate=%r (%s) instead of %s: %s",
                setting.learning_rate,
                setting.schedule,
                setting.replaced,
                setting.how,
            )
        else:
            logging.info("LRFinder: call %d of fit keeps the rate of run_fn", number)
        fit = RecordedFit(number, call, setting)
        self._fits.append(fit)
        self._running, self._running_optimizer = fit, call.model.optimizer
        try:
            return fit.run(call, self._weights)
        finally:
            self._running, self._running_optimizer = None, None
            # train_on_batch may use the function that fit has traced
            self._steps.watch(call.model.optimizer, fit.trained, was_traced=True)
            self._steps.ignore_steps_until_now()

    def on_step(self, optimizer: Any, variables: Sequence[Any]) -> None:
        """Remembers an optimizer step outside of `fit`, or by another optimizer."""
        if self._running is None:
            self._steps.add(len(self._fits), optimizer, variables)
            return
        inner = inner_optimizer(optimizer)
        if inner is not inner_optimizer(self._running_optimizer):
            self._running.add_beside(inner, self._weights.of(variables))

    def on_save(self, item: Any) -> None:
        """Remembers the weights that `run_fn` saves for serving."""
        saved = self._weights.of_trackable(item)
        if not saved:
            return
        if self._running is None:
            self._steps.end_of_period(len(self._fits))
        self._saved = saved
        self._before_save = len(self._fits), self._steps.all()

    def rate_used(self) -> dict[str, Any]:
        """Returns what is known about the rate that `run_fn` trained with, for JSON.

        `doubt` is None if the rate found was used on the batches that it was found for,
        or if `run_fn` read it; otherwise it is a sentence. Unknown values are None.
        """
        self._steps.end_of_period(len(self._fits))
        own = self._own_steps_of_the_model()
        is_of_fit = any(
            steps.trained & fit.weights
            for steps in own
            for fit in self._fits_of_the_model()
        )
        lasts = self._last_fits() if is_of_fit or not own else []
        doubts = [doubt for last in lasts if (doubt := self._doubt(last))]
        source = self._source(lasts[-1]) if lasts else None
        rate, how = self._rate_and_origin(source)
        if lasts:
            doubts += self._doubts_of_later_steps(own, source, rate)
        else:
            doubts += self._doubts_without_fit(own)
            if own and all(s.used(self._rate_found) for s in own):
                rate, how = self._rate_found, "run_fn took its own steps with it"
        used = {
            "learning_rate_found": self._rate_found,
            "learning_rate_used": None if doubts else rate,
            "set_rate_on": self._options.set_rate_on,
            "which_fit": self._options.which_fit,
            "read_by_run_fn": self._passed.was_read or None,
            "num_fits": len(self._fits),
            "fits": [_described(fit) for fit in self._fits],
            "steps_outside_fit": [steps.described() for steps in self._steps.all()],
            "how": how,
        }
        if source is not None:
            doubts += self._batch_doubts(source)
        about = source or (lasts[-1] if lasts else None)
        if about is not None:
            used["learning_rate_at_first_step"] = about.first_rate
        if source is not None and source.setting is not None:
            used["schedule"] = source.setting.schedule
            used["replaced"] = source.setting.replaced
        return {**used, "doubt": " ".join(doubts) or None}

    def _fits_of_the_model(self) -> list[RecordedFit]:
        """Returns the calls of `fit` before the model was saved, or all."""
        return self._fits[: None if self._before_save is None else self._before_save[0]]

    def _last_fits(self) -> list[RecordedFit]:
        """Returns the `fit` that last trained the saved model.

        If `run_fn` saved a copy of a model, this is the last `fit` of each model.
        """
        fits = self._fits_of_the_model()
        if not self._saved:
            return fits[-1:]
        for fit in reversed(fits):
            if fit.trained & self._saved:
                return [fit]
        return [
            fit
            for fit in fits
            if not any(
                fit.number < later.number and later.continues(fit) for later in fits
            )
        ]

    def _own_steps_of_the_model(self) -> list[OwnSteps]:
        """Returns the steps outside of `fit` on the model that was saved.

        If `run_fn` saved a copy of a model, these are the steps on every model that a
        `fit` trained. If it saved none, these are the steps after the last `fit`. Steps
        after the save do not count.
        """
        if self._before_save is None:
            own = self._steps.all()
            return [steps for steps in own if steps.after_fit == len(self._fits)]
        _, own = self._before_save
        fits = self._fits_of_the_model()
        of_saved = [steps for steps in own if steps.trained & self._saved]
        if of_saved or any(fit.trained & self._saved for fit in fits):
            return of_saved
        fitted = frozenset().union(*(fit.weights for fit in fits))
        return [steps for steps in own if steps.trained & fitted]

    def _source(self, last: RecordedFit) -> RecordedFit | None:
        """Returns the last `fit` of a model that started with the rate found."""
        for fit in reversed(chain(self._fits, last)):
            if fit.setting is not None or self._starts_with_rate_found(fit):
                return fit
        return None

    def _rate_and_origin(self, source: RecordedFit | None) -> tuple[float | None, str]:
        """Returns the rate used, and how it got there."""
        if source is not None and source.setting is not None:
            return source.setting.learning_rate, source.setting.how
        if source is not None:
            return self._rate_found, "run_fn had set it already"
        return None, "read by run_fn" if self._passed.was_read else "unknown"

    def _starts_with_rate_found(self, fit: RecordedFit) -> bool:
        rate = fit.first_rate
        return rate is not None and set_rate.same_rate(rate, self._rate_found)

    def _doubt(self, last: RecordedFit) -> str | None:
        """Returns why the rate may not be that of a model; None if it is."""
        source = self._source(last)
        if source is None:
            return self._doubt_without_source(last)
        doubt = source.doubt()
        if doubt is not None:
            return doubt
        rate, _ = self._rate_and_origin(source)
        for fit in chain(self._fits, last):
            beside = fit.doubt_beside(rate or 0.0)
            if beside is not None:
                return beside
            above = fit.exceeds(rate or 0.0) if fit.number > source.number else None
            if above is not None:
                return (
                    f"Fit {source.number} trained with the rate {rate!r}, but fit "
                    f"{fit.number} then trained the same weights with a larger one, "
                    f"{above!r}. {_advice(fit)}"
                )
        return None

    def _doubt_without_source(self, last: RecordedFit) -> str | None:
        """Returns why a model that no rate was set for may not have used it."""
        set_for = [fit for fit in self._fits if fit.setting is not None]
        if set_for:
            numbers = ", ".join(str(fit.number) for fit in set_for)
            kind = "saved" if self._saved else "trained last"
            return (
                f"The rate {self._rate_found!r} was set at fit {numbers}, but the "
                f"model that run_fn {kind} is another one: fit {last.number} trained "
                f"it, starting with {last.first_rate!r}. {_advice(last)}"
            )
        if self._passed.was_read:
            return self._doubt_although_read(last)
        if self._options.set_rate_on == OPTIMIZER:
            return self._unknown(
                f"which_fit is {self._options.which_fit!r}, and run_fn called fit "
                f"{len(self._fits)} time(s)"
            )
        return self._unknown(f"fit {last.number} started with {last.first_rate!r}")

    def _doubt_although_read(self, last: RecordedFit) -> str | None:
        """Returns that `run_fn` read the rate, but used a larger one, if so.

        A smaller one may be derived from it: a warm-up, or that of the lower layers.
        """
        above = last.exceeds(self._highest_rate_found())
        if above is None:
            return None
        return f"{self._was_read()} fit {last.number} used {above!r}. {USE_IT}"

    def _highest_rate_found(self) -> float:
        by_schedule = self._passed.report.learning_rates_by_schedule or {}
        return max(self._rate_found, *filter(None, by_schedule.values()), 0.0)

    def _was_read(self) -> str:
        return f"run_fn read the rate {self._rate_found!r}, but"

    def _doubts_of_later_steps(
        self, own: Sequence[OwnSteps], source: RecordedFit | None, rate: float | None
    ) -> list[str]:
        """Returns which steps after the `fit` with the rate took a larger one."""
        after = 0 if source is None else source.number
        limit = self._rate_found if rate is None else rate
        return [
            "run_fn then took optimizer steps outside of fit on the same weights, with "
            f"{steps.optimizer} and {steps.rate_in_words()}. Build that optimizer with "
            "tfx_lr_finder.learning_rate(fn_args)."
            for steps in own
            if steps.after_fit >= after and not steps.stays_below(limit)
        ]

    def _doubts_without_fit(self, own: Sequence[OwnSteps]) -> list[str]:
        """Returns why a model that no `fit` trained may not have used the rate."""
        if own and all(steps.used(self._rate_found) for steps in own):
            return []
        if self._passed.was_read:
            return [
                f"{self._was_read()} its own steps used {steps.rate_in_words()}, with "
                f"{steps.optimizer}. {USE_IT}"
                for steps in own
                if steps.first_rate is not None
                and not steps.stays_below(self._highest_rate_found())
            ]
        if not own and self._fits and not self._fits_of_the_model():
            return [self._unknown("run_fn saved the model before it called fit")]
        if not own:
            return [self._unknown("run_fn called no fit of a Keras model")]
        return [
            self._unknown(
                "run_fn trained this model with optimizer steps outside of fit, with "
                f"{steps.optimizer} and {steps.rate_in_words()}"
            )
            for steps in own
            if not steps.used(self._rate_found)
        ]

    def _batch_doubts(self, fit: RecordedFit) -> list[str]:
        """Returns that the batches have another size than the tested ones, if so."""
        tested = self._passed.report.environment.get("global_batch_size")
        if not isinstance(tested, int):
            return []
        size = fit.batch_size or read_batch_size(fit.data)
        if size is None or size == tested:
            return []
        return [
            f"Fit {fit.number} trained on batches of {size} examples, and the rate "
            f"{self._rate_found!r} was found on batches of {tested}. "
            f"{scaling_advice(tested, size, fit.optimizer)}"
        ]

    def _unknown(self, why: str) -> str:
        return (
            f"It is unknown whether run_fn used the rate found, {self._rate_found!r}: "
            f"{why}, and run_fn did not call tfx_lr_finder.learning_rate(fn_args). "
            "Call it and build the optimizer with the rate that it returns."
        )


def _advice(fit: RecordedFit) -> str:
    return (
        f"Set which_fit to {str(fit.number)!r} in LRFinder and LRFinderTrainer, or to "
        "'every', or build this optimizer with tfx_lr_finder.learning_rate(fn_args)."
    )


def _described(fit: RecordedFit) -> dict[str, Any]:
    """Returns a `fit` for JSON."""
    return {
        "fit": fit.number,
        "rate_set": None if fit.setting is None else fit.setting.learning_rate,
        "rate_at_first_step": fit.first_rate,
        "rate_at_end": fit.rates[-1] if fit.rates else None,
        "num_steps": fit.num_steps,
    }
