"""The score of the fault localisation, as the table in docs/faults.md: python tests/faults/score.py"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does, for what all tests share

from kinds import KINDS, Kind, of_kind
from planted import STYLES, Fault

import deltaprop as dp

# The mistakes that the localisation is meant for, and the names under which it knows them.
WANTED = {
    "σ' forgotten": {"sigma_prime_forgotten"},
    "σ' of a instead of z": {"sigma_prime_of_a", "sigma_prime_of_a_at_z"},
    "σ' at the wrong layer": {"sigma_prime_of_the_wrong_layer"},
    "σ' of another activation": {"sigma_prime_of_another_activation"},
    "σ' where it cancels": {"sigma_prime_too_many", "softmax_twice"},
    "W not transposed": {"transpose_missing"},
    "W updated before BP2 used it": {"updated_too_early"},
    "δ and a swapped": {"swapped"},
    "the sum or mean of the batch": {"mean_forgotten", "batch_sum_forgotten", "only_the_last_example"},
    "the mean taken twice": {"mean_twice"},
    "the factor 2 of the quadratic cost": {"factor"},
    "sign": {"sign"},
    "a bias summed over the wrong axis": {"wrong_axis"},
    "softmax as if elementwise": {"softmax_elementwise"},
    "off by one layer": {"activations_of_the_wrong_layer", "weights_of_the_wrong_layer", "delta_of_the_wrong_layer"},
    "(n,) against (n, 1)": {"broadcast"},
    "a penalty counted in": {"penalty"},
    "a penalty left out": {"penalty_left_out"},
    "stale activations": {"stale_activations"},
    "gradients never set to 0": {"accumulated"},
    "z for a": {"z_for_a"},
    "summed before the product": {"sum_before_product"},
}


@dataclass(frozen=True)
class Case:
    """One planted fault in one kind of network."""

    fault: Fault
    kind: Kind

    @property
    def name(self):
        return f"{self.fault.name}-{self.fault.by}-{self.kind.name}"

    def check(self, code=None):
        """The report on this code, or else on the wrong one."""
        code = of_kind(code or self.fault.wrong, self.kind)
        return dp.check_code(code, self.kind.sizes, **self.kind.options, **self.fault.said)

    def placed(self, report):
        """Whether the first finding names the equation and the layer."""
        place = self.fault.equation, self.fault.layer_of(self.kind)
        return report.first is not None and (report.first.equation, report.first.layer) == place

    def named(self, report):
        """Whether it names the mistake as well."""
        return self.placed(report) and report.first.mistake == self.fault.mistake


def all_cases():
    return [Case(fault, KINDS[kind]) for faults in STYLES.values() for fault in faults for kind in fault.kinds]


def table(results):
    """Rows by mistake: how many were planted in how many codes, caught, placed, named."""
    counts = {what: Counter() for what in WANTED}
    codes = {what: set() for what in WANTED}
    for case, report in results:
        what = next(what for what, names in WANTED.items() if case.fault.mistake in names)
        codes[what].add(case.fault)
        counts[what].update(planted=1, caught=not report.ok, placed=case.placed(report), named=case.named(report))
    lines = ["| mistake | codes | cases | caught | equation and layer | mistake named |", "|---|---|---|---|---|---|"]
    for what, count in counts.items():
        lines.append(_line(what, len(codes[what]), count))
    lines.append(_line("all", sum(map(len, codes.values())), sum(counts.values(), Counter())))
    return "\n".join(lines) + "\n"


def _line(what, codes, count):
    numbers = (codes, *(count[key] for key in ("planted", "caught", "placed", "named")))
    return f"| {what} | {' | '.join(map(str, numbers))} |"


if __name__ == "__main__":
    print(table([(case, case.check()) for case in all_cases()]), end="")
