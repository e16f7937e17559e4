"""The network of an estimator as a drawing, shown in notebooks below scikit-learn's own account of its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from numbers import Integral
from typing import Any

from deltaprop.core.activations import Activation
from deltaprop.estimators.parameters import SKLEARN_NAMES
from deltaprop.training.settings import several

MOST_UNITS = 8  # circles of a layer drawn; if there are more, dots instead of one
MOST_LAYERS = 12  # columns drawn; if there are more, dots instead of one
LONGEST_NAME, LONGEST_ACTIVATION = 20, 13  # letters
RADIUS, PITCH, STEP, LETTER = 7, 21, 92, 6.2  # of a circle; between circles, between layers; the width of a letter
TOP, FOOT = 30, 62  # above the circles: what a layer is; below them: width, activation, count
UNKNOWN = (1, 1, 0, 1)  # a column of unknown height: circles, and dots at a 0
FITTED, UNFITTED = "cornflowerblue", "chocolate"  # scikit-learn's, seen on light and dark


@dataclass(frozen=True)
class _Column:
    """What is drawn of one layer: its place x, the heights of its circles and of the dots, the words around them."""

    x: float
    circles: tuple[float, ...]
    dots: float | None
    head: str
    width: str
    activation: str
    known: bool


def architecture_svg(
    sizes: Sequence[int | None],
    activations: Sequence[str],
    parameters: int | None,
    *,
    input_names: Sequence[object] = (),
    output_names: Sequence[object] = (),
) -> str:
    """An inline SVG of a network with n_0..n_L units, in the colours of the page around it; needs no script or font.

    `sizes` are n_0..n_L, None for one that is not known yet; `activations` are the names of layers 1..L, "" if unknown;
    `parameters` is how many there are in all, or None. Names are written beside the circles if there are as many as
    units. All text is escaped.
    """
    columns, gap = _columns(sizes, activations)
    left = _margin(input_names if len(input_names) == sizes[0] else ())
    right = _margin(output_names if len(output_names) == sizes[-1] else ())
    half = max(PITCH / 2 + max(column.circles, default=0) for column in columns)
    width, height, middle = left + columns[-1].x + right, TOP + 2 * half + FOOT, TOP + half
    accent = UNFITTED if parameters is None else FITTED
    parts = [
        _lines(columns, gap),
        *(_drawn(column, accent, half) for column in columns),
        _gap_dots(columns, gap, len(sizes)),
        _names(columns[0], sizes[0], input_names, -1),
        _names(columns[-1], sizes[-1], output_names, 1),
    ]
    caption = _caption(sizes, parameters)
    return (
        f'<svg role="img" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-left:.0f} {-middle:.0f} {width:.0f} {height:.0f}" fill="currentColor" font-size="12" '
        f'font-family="system-ui, sans-serif" text-anchor="middle"><title>{_title(sizes, activations, caption)}</title>'
        f'{"".join(parts)}<text x="{(columns[0].x + columns[-1].x) / 2:.0f}" y="{height - middle - 6:.0f}" '
        f'opacity="0.75">{caption}</text></svg>'
    )


class ArchitectureReprMixin:
    """Adds a drawing of the network to the HTML that scikit-learn shows for an estimator in a notebook.

    Stands before BaseEstimator among the bases. `set_config(display="text")` switches it off with the rest.
    """

    def _html_repr(self) -> str:
        html: str = super()._html_repr()  # type: ignore[misc]  # BaseEstimator's
        drawing = _drawing(self)
        if not drawing:
            return html
        return f'{html}<div style="overflow-x: auto; max-width: 100%; padding: 0.5em 0">{drawing}</div>'


def _drawing(estimator: Any) -> str:
    """The SVG of a fitted estimator's network, or of what its parameters say; "" if they cannot be used."""
    if hasattr(estimator, "network_"):
        spec = estimator.network_.spec
        names = [activation.name for activation in spec.activations]
        inputs = _input_names(estimator)
        return architecture_svg(
            spec.sizes, names, spec.n_parameters, input_names=inputs, output_names=_output_names(estimator)
        )
    hidden, activation = several(estimator.hidden_layer_sizes), estimator.activation
    alone = isinstance(activation, str) or not isinstance(activation, Iterable)
    chosen = [activation] * len(hidden) if alone else list(activation)
    usable = all(isinstance(n, Integral) and int(n) >= 1 for n in hidden) and len(chosen) == len(hidden)
    if not usable or not all(isinstance(one, (str, Activation)) for one in chosen):
        return ""  # a fit will say what is wrong; a repr must not
    names = [one.name if isinstance(one, Activation) else SKLEARN_NAMES.get(one, one) for one in chosen]
    return architecture_svg([None, *(int(n) for n in hidden), None], [*names, ""], None)


def _input_names(estimator: Any) -> Sequence[object]:
    names = getattr(estimator, "feature_names_in_", ())
    if len(names) and hasattr(estimator, "imputer_"):
        indicator = estimator.imputer_.indicator_
        return [*names, *(f"missing: {names[at]}" for at in (() if indicator is None else indicator.features_))]
    return list(names)


def _output_names(estimator: Any) -> Sequence[object]:
    """The classes, one for each output; of two classes the second, whose probability the one output is."""
    classes = list(getattr(estimator, "classes_", ()))
    return classes[1:] if len(classes) == 2 and estimator.network_.spec.sizes[-1] == 1 else classes


def _columns(sizes: Sequence[int | None], activations: Sequence[str]) -> tuple[list[_Column], int | None]:
    """The columns that are drawn, and the place in that list before which layers are left out, if any are."""
    places, gap = list(range(len(sizes))), None
    if len(sizes) > MOST_LAYERS:
        gap = MOST_LAYERS // 2
        places = [*places[:gap], *places[len(sizes) - (MOST_LAYERS - 1 - gap) :]]
    columns = []
    for at, l in enumerate(places):
        last = len(sizes) - 1
        head = "input" if l == 0 else "output" if l == last else f"hidden {l}" if last > 2 else "hidden"
        what = {0: "feature", last: "output"}.get(l, "unit")
        words = f"n {what}s" if sizes[l] is None else f"{sizes[l]:,} {what}{'' if sizes[l] == 1 else 's'}"
        x = STEP * (at + (gap is not None and at >= gap))
        circles, dots = _heights(sizes[l])
        columns.append(_Column(x, circles, dots, head, words, activations[l - 1] if l else "", sizes[l] is not None))
    return columns, gap


def _heights(n: int | None) -> tuple[tuple[float, ...], float | None]:
    """Where the circles of n units stand, and the dots: y, with 0 the middle."""
    slots = UNKNOWN if n is None else (1,) * n if n <= MOST_UNITS else (1,) * 4 + (0,) + (1,) * (MOST_UNITS - 5)
    ys = [PITCH * (i - (len(slots) - 1) / 2) for i in range(len(slots))]
    dots = [y for y, circle in zip(ys, slots, strict=True) if not circle]
    return tuple(y for y, circle in zip(ys, slots, strict=True) if circle), dots[0] if dots else None


def _lines(columns: list[_Column], gap: int | None) -> str:
    """One path for every pair of neighbours: a line from each circle to each."""
    paths = []
    for at, (a, b) in enumerate(pairwise(columns), 1):
        if at == gap:
            continue
        moves = (f"M{a.x + RADIUS} {y:g}L{b.x - RADIUS} {z:g}" for y in a.circles for z in b.circles)
        paths.append(f'<path d="{"".join(moves)}"/>')
    return f'<g stroke="currentColor" stroke-opacity="0.22" stroke-width="0.8" fill="none">{"".join(paths)}</g>'


def _drawn(column: _Column, accent: str, half: float) -> str:
    """The circles of one layer and the words above and below them."""
    x, foot = column.x, half + 14
    dashed = "" if column.known else ' stroke-dasharray="2 2"'
    circles = "".join(f'<circle cx="{x}" cy="{y:g}" r="{RADIUS}"/>' for y in column.circles)
    words = [
        f'<text x="{x}" y="{-half - 10:g}" font-weight="600">{column.head}</text>',
        f'<text x="{x}" y="{foot:g}">{column.width}</text>',
    ]
    if column.activation:
        words.append(f'<text x="{x}" y="{foot + 15:g}">{_short(column.activation, LONGEST_ACTIVATION)}</text>')
    group = f'<g fill="{accent}" fill-opacity="0.45" stroke="currentColor" stroke-opacity="0.8"{dashed}>{circles}</g>'
    return group + _dots(x, column.dots) + "".join(words)


def _dots(x: float, y: float | None, dx: float = 0, dy: float = 5) -> str:
    if y is None:
        return ""
    return "".join(f'<circle cx="{x + i * dx:g}" cy="{y + i * dy:g}" r="1.4"/>' for i in (-1, 0, 1))


def _gap_dots(columns: list[_Column], gap: int | None, n_sizes: int) -> str:
    """Dots for the layers that are left out, and their number."""
    if gap is None:
        return ""
    x, left_out = columns[gap].x - STEP, n_sizes - len(columns)
    return f'{_dots(x, 0, dx=8, dy=0)}<text x="{x}" y="22">{left_out} more layers</text>'


def _names(column: _Column, n: int | None, names: Sequence[object], side: int) -> str:
    """Names beside the circles of the first or the last layer, if there is one for each unit."""
    if not names or n != len(names):
        return ""
    shown = names if n <= MOST_UNITS else [*names[:4], *names[n - (MOST_UNITS - 5) :]]
    x, anchor = column.x + side * (RADIUS + 6), "end" if side < 0 else "start"
    texts = (
        f'<text x="{x}" y="{y + 4:g}">{_short(name, LONGEST_NAME)}</text>'
        for name, y in zip(shown, column.circles, strict=True)
    )
    return f'<g text-anchor="{anchor}" font-size="11">{"".join(texts)}</g>'


def _margin(names: Sequence[object]) -> float:
    """Room beside the first or the last column, for its names and for the words under it."""
    longest = max((min(len(str(name)), LONGEST_NAME) for name in names), default=0)
    return max(STEP / 2 + 4, RADIUS + 12 + LETTER * longest)


def _short(text: object, longest: int) -> str:
    """Escaped text of at most `longest` letters; a tooltip shows all of it."""
    whole = str(text)
    if len(whole) <= longest:
        return escape(whole)
    return f"<title>{escape(whole)}</title>{escape(whole[: longest - 1])}…"


def _caption(sizes: Sequence[int | None], parameters: int | None) -> str:
    layers = f"{len(sizes) - 1} layer{'' if len(sizes) == 2 else 's'}"
    return f"{layers}, parameters counted once fitted" if parameters is None else f"{layers}, {parameters:,} parameters"


def _title(sizes: Sequence[int | None], activations: Sequence[str], caption: str) -> str:
    """The drawing in words, for those who do not see it."""
    first, *rest = ("n" if n is None else f"{n:,}" for n in sizes)
    layers = (f"{n} {escape(name)}".rstrip() for n, name in zip(rest, activations, strict=True))
    return f"Network {' - '.join([first, *layers])}: {caption}"
