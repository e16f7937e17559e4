"""The state of a training: packed at any step, taken up by a new network, it ends with the same bits and history."""

from __future__ import annotations

import json
import weakref
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deltaprop as dp
from deltaprop.engines.protocol import Data
from deltaprop.optim.rules import Rules
from deltaprop.training.loop import run_training
from deltaprop.training.run import Run
from deltaprop.training.settings import check_settings
from deltaprop.training.state import TrainingState
from deltaprop.training.stopping import Plateau, Stopper

M = 23
DEFAULTS = {"epochs": 3, "batch_size": 8, "schedule": "constant", "l1": 0.0, "l2": 0.0, "clip_norm": None, "seed": 5}
DEFAULTS |= {"dropout": 0.0, "early_stopping": None, "shuffle": True, "time_limit": None, "optimizer": "adam"}
DEFAULTS |= {"on_step": (), "on_epoch": (), "on_progress": (), "validation": None, "sample_weight": None}
SETTINGS = {
    "momentum and dropout": {"optimizer": dp.SGD(0.1, momentum=0.9), "dropout": (0.4, 0.2), "l2": 0.1},
    "adam, weights, clipping": {"sample_weight": np.linspace(0.1, 2, M), "clip_norm": 0.3, "l1": 0.01},
    "early stopping": {"early_stopping": dp.EarlyStopping(0, monitor="cost"), "optimizer": dp.SGD(3.0), "epochs": 6},
    "best of validation": {"early_stopping": 1, "validation": 0.3, "optimizer": dp.RMSprop(0.05), "epochs": 5},
    "plateau": {"schedule": dp.ReduceOnPlateau(patience=1, min_delta=0.1), "optimizer": dp.AdamW(0.01), "epochs": 4},
}


def prepared(engine, dtype, net_seed=0, **given):
    """What `run_training` takes: network, settings, data, validation data, a state that has not begun."""
    rng, given = np.random.default_rng(1), DEFAULTS | given
    X, y = rng.standard_normal((M, 3)), rng.integers(0, 3, M)
    net = dp.Network([3, 5, 4, 3], activation="tanh", dtype=dtype, engine=engine, seed=net_seed)
    asked, data, held = check_settings(net, X, y, given.pop("sample_weight"), given.pop("validation"), **given)
    state = TrainingState.fresh(net, asked.optimizer, asked.seed)
    Run(net, asked, held, state)  # gives the state its parts
    return net, asked, data, held, state


def through_json(packed):
    arrays, plain = packed
    return arrays, json.loads(json.dumps(plain, allow_nan=False))


def snapshots(engine, dtype, **given):
    """(θ at the end, history, the state packed after each step) of a training that is not interrupted."""
    net, asked, data, held, state = prepared(engine, dtype, **given)
    kept = []
    asked = replace(asked, on_step=(lambda event: kept.append(through_json(state.pack())),))
    history = run_training(net, asked, data, held, state)
    return net.theta, history, kept


def gone_on(engine, dtype, packed, **given):
    """(θ, history) of a new network and a fresh state that take up what was packed, and go on to the end."""
    net, asked, data, held, state = prepared(engine, dtype, net_seed=99, **given)
    state.take_up(*packed)
    return net.theta, run_training(net, asked, data, held, state)


def timeless(history):
    plain = asdict(history)
    for record in plain["epochs"]:
        del record["seconds"]
    return json.dumps(plain)


def check_end(found, want):
    np.testing.assert_array_equal(found[0], want[0])
    assert timeless(found[1]) == timeless(want[1])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_training_goes_on_from_any_step_to_the_same_bits(engine, dtype, name):
    *want, kept = snapshots(engine.name, dtype, **SETTINGS[name])
    assert len(kept) == want[1].steps
    if "early_stopping" in SETTINGS[name]:
        assert want[1].best_epoch is not None
    for packed in kept[:: 1 if engine.name == "reference" else 3]:
        check_end(gone_on(engine.name, dtype, packed, **SETTINGS[name]), want)
    without = prepared(engine.name, dtype, **SETTINGS[name])
    check_end((without[0].theta, run_training(*without)), want)  # nor do the callbacks change a bit


@st.composite
def settings_of_a_training(draw):
    optimizer = draw(
        st.sampled_from([dp.SGD(0.2), dp.SGD(0.1, 0.9, True), dp.RMSprop(0.01), dp.Adam(0.02), dp.AdamW(0.02)])
    )
    schedules = ["constant", "cosine", "one_cycle", "step", dp.ReduceOnPlateau(patience=1, min_delta=0.5)]
    given = {"optimizer": optimizer, "schedule": draw(st.sampled_from(schedules))}
    given["validation"] = draw(st.sampled_from([None, 0.3]))
    monitors = ["cost"] + (["validation_cost", "validation_score"] if given["validation"] else [])
    rules = st.builds(
        dp.EarlyStopping, st.integers(0, 2), st.sampled_from([0.0, 0.1]), st.sampled_from(monitors), st.booleans()
    )
    given["early_stopping"] = draw(st.none() | rules)
    given["sample_weight"] = draw(st.sampled_from([None, np.linspace(0.1, 2, M)]))
    given |= {name: draw(st.sampled_from([0.0, 0.05])) for name in ("l1", "l2")}
    given["clip_norm"] = draw(st.sampled_from([None, 0.1]))
    given["dropout"] = draw(st.sampled_from([0.0, (0.0, 0.5), (0.3, 0.1)]))
    given |= {"shuffle": draw(st.booleans()), "batch_size": draw(st.sampled_from([1, 7, 8, None]))}
    return given | {"epochs": draw(st.integers(1, 4)), "seed": draw(st.integers(0, 2**63 - 1))}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=settings_of_a_training(), double=st.booleans(), at=st.floats(0, 0.999))
def test_a_training_of_any_settings_goes_on_to_the_same_bits(engine, given, double, at):
    dtype = "float64" if double else "float32"
    *want, kept = snapshots(engine.name, dtype, **given)
    check_end(gone_on(engine.name, dtype, kept[int(at * len(kept))], **given), want)


def test_what_is_packed_and_taken_up_is_packed_again_the_same():
    _, _, kept = snapshots("reference", "float32", **SETTINGS["best of validation"])
    for arrays, plain in kept:
        *_, state = prepared("reference", "float32", net_seed=99, **SETTINGS["best of validation"])
        fresh = state.copy()
        state.take_up(arrays, plain)
        again = state.pack()
        assert json.dumps(again[1]) == json.dumps(plain)
        assert {name: a.tobytes() for name, a in again[0].items()} == {name: a.tobytes() for name, a in arrays.items()}
        twin = fresh.copy()
        twin.take_up(arrays, plain)
        assert state.same(twin)
        assert not state.same(fresh)


def test_two_states_that_take_up_the_same_arrays_do_not_share_them():
    *want, kept = snapshots("reference", "float32", **SETTINGS["momentum and dropout"])
    for _ in range(2):
        check_end(gone_on("reference", "float32", kept[3], **SETTINGS["momentum and dropout"]), want)


def test_a_state_fills_the_networks_own_theta():
    net, _, _, _, state = prepared("reference", "float32")
    packed = state.pack()
    packed[0]["theta"][...] = 3
    state.take_up(*packed)
    assert (net.theta == 3).all()
    assert state.theta is net.theta


@pytest.mark.parametrize("end", ["epochs", "early stopping"])
def test_a_training_that_is_over_is_over(end):
    """Its state taken up again takes no step more, and ends with the same weights."""
    given = SETTINGS["early stopping"] if end == "early stopping" else SETTINGS["momentum and dropout"]
    net, asked, data, held, state = prepared("reference", "float64", **given)
    kept = []
    asked = replace(asked, on_epoch=(lambda event: kept.append(through_json(state.pack())),))
    history = run_training(net, asked, data, held, state)
    assert history.stopped == end
    check_end(gone_on("reference", "float64", kept[-1], **given), (net.theta, history))


def test_a_state_of_other_parts_is_refused():
    *_, stopping = prepared("reference", "float32", early_stopping=dp.EarlyStopping(monitor="cost"))
    *_, plain = prepared("reference", "float32")
    with pytest.raises(
        dp.ArgumentError, match=r"`parts` must be stopper, as in the state that is taken up\. Got none\."
    ):
        plain.take_up(*stopping.pack())
    with pytest.raises(dp.ArgumentError, match=r"`parts` must be none, .* Got stopper\."):
        stopping.take_up(*plain.pack())


def changed(state, place):
    """A copy of a state that differs in one place."""
    other = state.copy()
    place(other)
    return other


def test_states_are_the_same_by_their_bits_and_not_by_their_clocks():
    *_, state = prepared("reference", "float64", early_stopping=dp.EarlyStopping(monitor="cost"))
    state.slots["m"][0] = np.nan
    assert state.same(state.copy())
    assert state.same(changed(state, lambda s: setattr(s, "seconds", 9.0)))
    for place in (
        lambda s: np.negative(s.slots["v"], out=s.slots["v"]),  # -0.0 is not 0.0
        lambda s: s.theta.__setitem__(0, np.nextafter(s.theta[0], 9)),
        lambda s: setattr(s, "updates", 1),
        lambda s: setattr(s.epoch, "steps", 1),
        lambda s: setattr(s.parts["stopper"], "waited", 1),
        lambda s: s.parts.clear(),
        lambda s: setattr(s, "slots", {}),
        lambda s: setattr(s.history, "seed", 6),
    ):
        other = changed(state, place)
        assert not state.same(other)
        assert not other.same(state)


def test_a_copy_stays_what_it_was():
    net, asked, data, held, state = prepared("reference", "float32", early_stopping=dp.EarlyStopping(monitor="cost"))
    before = state.copy()
    packed = through_json(before.pack())
    run_training(net, asked, data, held, state)
    assert not before.same(state)
    assert json.dumps(before.pack()[1]) == json.dumps(packed[1])
    assert before.theta is not state.theta


@dataclass
class Inner:
    """Part of a part."""

    factor: float = -np.inf
    flags: list[bool] = field(default_factory=lambda: [True, False])


@dataclass
class Account:
    """What some follower of a training might keep."""

    best: float = np.nan
    name: str | None = None
    numbers: list[float] = field(default_factory=lambda: [1.5, np.inf])
    scale: float = np.float32(np.nan)
    count: int = np.int64(3)
    stopper: Stopper = field(default_factory=Stopper)
    inner: Inner = field(default_factory=Inner)
    kept: dict[str, np.ndarray] = field(default_factory=lambda: {"a": np.arange(3)})
    stream: np.random.RandomState = field(default_factory=lambda: np.random.RandomState(3))


def test_any_dataclass_may_be_a_part():
    *_, state = prepared("reference", "float32")
    account = Account(name="first", kept={"b": np.array([np.nan, -0.0])})
    account.stream.standard_normal(3)  # an odd number: it keeps one back
    account.stopper.end_epoch(dp.EarlyStopping(monitor="cost"), 1, 0.5, np.ones(2))
    state.parts = {"account": account, "plateau": Plateau(0.5, 0.25, 2)}
    *_, other = prepared("reference", "float32", net_seed=9)
    other.parts = {"account": Account(), "plateau": Plateau()}
    other.take_up(*through_json(state.pack()))
    assert other.same(state)
    found = other.parts["account"]
    assert (found.stopper.best_epoch, found.inner.factor, found.inner.flags) == (1, -np.inf, [True, False])
    assert np.isnan(found.best)
    np.testing.assert_array_equal(found.stream.standard_normal(5), account.stream.standard_normal(5))
    assert other.parts["plateau"] == Plateau(0.5, 0.25, 2)


@pytest.mark.parametrize(
    ("dtype", "optimizer"), [("float64", dp.Adam(0.01)), ("float32", dp.SGD(0.01)), ("float32", dp.RMSprop(0.01))]
)
def test_the_state_of_another_network_or_rule_is_refused(dtype, optimizer):
    net, other = dp.Network([3, 2], dtype="float32", seed=0), dp.Network([3, 2], dtype=dtype, seed=0)
    state, before = TrainingState.fresh(net, dp.Adam(0.01), 0), net.theta.copy()
    packed = TrainingState.fresh(other, optimizer, 0).pack()
    with pytest.raises(dp.ArgumentError, match=r"^`state` must be of a training with slots\.m float32 \(8,\), .* Got "):
        state.take_up(*packed)
    np.testing.assert_array_equal(net.theta, before)


def test_l_bfgs_goes_on_for_the_epochs_that_are_left():
    net, asked, data, held, state = prepared("auto", "float64", optimizer=dp.LBFGS(), batch_size=None)
    for epochs in (3, 7):
        run_training(net, replace(asked, epochs=epochs), data, held, state)
    assert len(state.history) == state.epochs == state.updates == 7


def test_a_closed_training_has_let_go_of_its_data(engine):
    class Rows(np.ndarray):
        """An array that can be watched."""

    net = dp.Network([3, 2], dtype="float64", seed=0)
    X = np.ones((4, 3)).view(Rows)
    rows = weakref.ref(X)
    training = engine.plan(net.spec, 4).begin(net.theta, (), Rules(dp.SGD(0.1)), Data(X, np.zeros(4, np.intp), None))
    training.close()
    del X
    assert rows() is None
