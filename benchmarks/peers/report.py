"""Tables in Markdown from what the children measured."""

from statistics import median, quantiles

from benchmarks._machine import table
from deltaprop.bench.cases import CASES
from deltaprop.bench.timing import ratio

PYTORCH = ("PyTorch eager: step", "PyTorch compiled: step")
STEP_PEERS = (*PYTORCH, "JAX jit: step", "scikit-learn: step", "NumPy: step")
EPOCH_PEERS = ("JAX scan: epoch", "scikit-learn: epoch")
EITHER = {  # per library, all that it can do an epoch with
    "PyTorch": PYTORCH,
    "JAX": ("JAX jit: step", "JAX scan: epoch"),
    "scikit-learn": ("scikit-learn: step", "scikit-learn: epoch"),
    "NumPy": ("NumPy: step",),
}
MOST = """
Most possible: 1/s, where s is the share of the measured peak at which the peer runs: the ratio for a program that does
only these multiply-adds, all at the peak. A goal above it cannot be reached on this machine.
"""
BIG = ("tab", "mnist", "deep", "wide")


def net(found: dict) -> str:
    case = CASES[found["case"]]
    return f"{case.name}: {case}, {case.batch}"


def micro(seconds: list[float]) -> str:
    us = median(seconds) * 1e6
    return f"{us:,.0f}" if us >= 100 else f"{us:.1f}"


def middle_half(column: list[float]) -> float:
    """From the first to the third quartile, relative to the median: a measure of other work on the machine."""
    low, _, high = quantiles(column, n=4) if len(column) > 1 else (column[0],) * 3
    return (high - low) / median(column)


def best(columns: dict[str, list[float]], names: tuple[str, ...]) -> list[float] | None:
    """The rounds of the contender with the smallest median; None if none of them was measured."""
    here = [columns[name] for name in names if name in columns]
    return min(here, key=median) if here else None


def times(first: list[float], second: list[float] | None) -> float | None:
    """How many times faster the second is than the first; None without a first."""
    return None if second is None else ratio(second, first)


def shown(value: float | None, form: str = "{:.2f}") -> str:
    return "-" if value is None else form.format(value)


def peak(found: dict) -> list[float] | None:
    """GFLOP/s of the faster loop in every round; None without a loop."""
    return max(found["peak"].values(), key=median, default=None)


def share(found: dict, seconds: list[float] | None, flop: float) -> float | None:
    """The floating-point operations per second relative to the peak, the median over the rounds."""
    most = peak(found)
    if most is None or seconds is None:
        return None
    return median(flop / s / 1e9 / p for s, p in zip(seconds, most, strict=True))


def steps(results: list[dict]) -> str:
    """Scope: a step called from Python."""
    rows = []
    for found in results:
        columns = found["step"]
        own = columns["deltaprop: step"]
        peers = [micro(columns[name]) if name in columns else "-" for name in STEP_PEERS]
        faster = [shown(times(own, best(columns, names))) for names in (PYTORCH, *((name,) for name in STEP_PEERS[2:]))]
        rows.append([net(found), micro(own), *peers, *faster])
    heads = [name.removesuffix(": step") for name in STEP_PEERS]
    return table(["net, batch", "deltaprop", *heads, "× PyTorch", "× JAX jit", "× scikit-learn", "× NumPy"], rows)


def epochs(results: list[dict]) -> str:
    """Scope: an epoch inside the library."""
    rows = []
    for found in results:
        columns, case = found["step"], CASES[found["case"]]
        own = columns["deltaprop: epoch"]
        peers = [micro(columns[name]) if name in columns else "-" for name in EPOCH_PEERS]
        gflops = f"{case.flop / median(own) / 1e9:.1f}"
        of_peak = shown(share(found, own, case.flop), "{:.0%}")
        faster = [shown(times(own, columns.get(name))) for name in EPOCH_PEERS]
        rows.append([net(found), f"{case.flop / 1e6:,.1f}", micro(own), gflops, of_peak, *peers, *faster])
    headings = ["net, batch", "Mflop", "deltaprop", "GFLOP/s", "of peak", "JAX scan", "scikit-learn"]
    return table([*headings, "× JAX scan", "× scikit-learn"], rows)


def either(results: list[dict]) -> str:
    """Scope: an epoch in the fastest way of each library, a loop in Python if it has no call for it."""
    rows = []
    for found in results:
        own = found["step"]["deltaprop: epoch"]
        rows.append([net(found), micro(own)])
        for names in EITHER.values():
            other = best(found["step"], names)
            rows[-1] += ["-" if other is None else micro(other), shown(times(own, other))]
    return table(["net, batch", "deltaprop", *(text for name in EITHER for text in (name, "×"))], rows)


def predictions(results: list[dict]) -> str:
    """Rows per second of a forward pass over many rows."""
    names = ("deltaprop", "PyTorch eager", "PyTorch compiled", "JAX jit", "scikit-learn", "NumPy")
    rows = []
    for found in results:
        case, columns = CASES[found["case"]], found["prediction"]
        rates = [f"{case.rows / median(columns[name]):,.0f}" if name in columns else "-" for name in names]
        faster = shown(times(columns["deltaprop"], best_reader(found)))
        rows.append([net(found).rsplit(",", 1)[0], f"{case.rows:,}", *rates, faster])
    return table(["net", "rows", *names, "× best peer"], rows)


def best_reader(found: dict) -> list[float] | None:
    """The rounds of the fastest peer at prediction."""
    columns = found["prediction"]
    return best(columns, tuple(name for name in columns if name != "deltaprop"))


def wanted(found: dict) -> list[tuple[str, list[float], list[float] | None, float, float]]:
    """The project's goals for one net against its peers: (what, our seconds, theirs, flop of that, times faster)."""
    name, columns, case = found["case"], found["step"], CASES[found["case"]]
    own = columns["deltaprop: epoch"]
    ask = {"tiny": {"PyTorch": 10.0, "scikit-learn": 10.0}}.get(name, {})
    if name in BIG:
        ask = {"PyTorch": 2.0, "JAX": 1.05 if name == "wide" else 1.2}
    goals = [(f"× {peer}", own, best(columns, EITHER[peer]), case.flop, goal) for peer, goal in ask.items()]
    if name == "tiny":
        goals.append(("× JAX scan", own, columns.get("JAX scan: epoch"), case.flop, 1.5))
    if "prediction" in found:
        flop = case.flop_per_row * case.rows
        goals.append(("prediction, × best peer", found["prediction"]["deltaprop"], best_reader(found), flop, 1.2))
    return goals


def goal_row(what: str, value: float | None, goal: float, most: float | None) -> list[str]:
    verdict = "not measured" if value is None else "met" if value >= goal else f"missed by {1 - value / goal:.0%}"
    return [what, shown(value), f"{goal:.2f}", shown(most), verdict]


def goals(results: list[dict]) -> str:
    """Each goal of the project for one number of threads, the measurement, and the most possible at the peak."""
    rows = []
    for found in results:
        name = found["case"]
        if name in BIG:
            of_peak = share(found, found["step"]["deltaprop: epoch"], CASES[name].flop)
            rows.append(goal_row(f"{name}, share of peak", of_peak, 0.80 if found["threads"] == 1 else 0.75, 1.0))
        for what, own, other, flop, goal in wanted(found):
            theirs = share(found, other, flop)
            rows.append(goal_row(f"{name}, {what}", times(own, other), goal, theirs and 1 / theirs))
    return table(["goal", "measured", "at least", "most possible", ""], rows) + MOST


def notes(results: list[dict]) -> str:
    """Notes on the tables."""
    lines = []
    for found in results:
        peaks = ", ".join(f"{name} {median(column):.0f}" for name, column in found["peak"].items()) or "no peak"
        apart = f"costs agree to {found['apart']:.0e}"
        if "predictions_apart" in found:
            apart += f", predictions to {found['predictions_apart']:.0e}"
        taken = "; ".join([*found["taken"].values(), *found.get("taken_to_predict", {}).values()])
        spread = f"middle half of our rounds within {middle_half(found['step']['deltaprop: epoch']):.0%}"
        lines.append(f"- {found['case']}: {apart}; {peaks} GFLOP/s; {spread}" + (f"; taken: {taken}" if taken else ""))
    running = results[-1]["running"]
    return "\n".join([*lines, f"- BLAS: {', '.join(running['blas'])}"]) + "\n"


def document(results: list[dict]) -> str:
    """All tables for one number of threads."""
    threads = results[0]["threads"]
    where = "one core, pinned" if threads == 1 else f"{threads} cores, pinned"
    parts = [f"### Training and prediction, {where} (engine {results[0]['engine']})\n"]
    parts += ["A step called from Python, µs:\n", steps(results)]
    parts += ["An epoch inside the library, µs per step:\n", epochs(results)]
    text = "An epoch in the fastest way of each library (PyTorch, NumPy: a loop in Python), µs per step:\n"
    parts += [text, either(results)]
    if "prediction" in results[0]:
        parts += ["Prediction, rows per second:\n", predictions(results)]
    return "\n".join([*parts, "Goals:\n", goals(results), "Notes:\n", notes(results)])
