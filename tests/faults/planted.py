"""The planted faults: which right code, what must be said of it when wrong, and the edits that make it wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import right_codes
from edited import edited, fits, rests_on, text_of


@dataclass(frozen=True, eq=False)
class Fault:
    """A right code, the edits {old text: new text} that make it wrong, and what must be said of it."""

    name: str
    code: str  # the right code whose text is edited
    by: str  # the right code that is judged: this one, or one that rests on it
    equation: str
    mistake: str
    kinds: tuple[str, ...]
    edits: dict[str, str]
    layer: object  # "L", "L-1", "L-2" or a number: where it is first met
    said: dict[str, object]  # options of check_code that are given with it

    @cached_property
    def wrong(self):
        return edited(self.code, self.edits, self.by, self.name)

    def layer_of(self, kind):
        L = len(kind.sizes) - 1
        return {"L": L, "L-1": L - 1, "L-2": L - 2}.get(self.layer, self.layer)


def fault(name, code, equation, mistake, kinds, edits, *, layer=None, **said):
    """A row of the tables below; `code` is "right code" or "right code > code that rests on it"."""
    code, _, by = code.partition(" > ")
    layer = layer or ("L-1" if equation == "BP2" else "L")
    return Fault(name, code, by or code, equation, mistake, tuple(kinds.split()), edits, layer, said)


# fmt: off
# The parts of the right codes that are edited most.
BOOK_1 = "delta_L(self.kind, zs[-1], activations[-1], y, 0)"
BOOK_W = "self.weights[-l + 1].transpose()"
BOOK_S = "F[self.kind.activation][1](zs[-l])"
LOOP_34 = "= delta, np.dot(delta, activations[-l - 1].T)"

NIELSEN = (
    fault("SigmaPrimeForgottenAtTheOutput", "Book", "BP1", "sigma_prime_forgotten",
          "book deep square counts robust one",
          {BOOK_1: "grad_a(self.kind.cost, activations[-1], y)"}),
    fault("SigmaPrimeForgottenInside", "Book", "BP2", "sigma_prime_forgotten", "book deep classes",
          {" * " + BOOK_S: ""}),
    fault("SigmaPrimeOfTheOutputsActivation", "Book", "BP1", "sigma_prime_of_a", "book deep square",
          {BOOK_1: "(activations[-1] - y) * F[self.kind.output][1](activations[-1])"}),
    fault("SigmaPrimeOfTheHiddenActivation", "Book", "BP2", "sigma_prime_of_a", "book deep square classes",
          {"[1](zs[-l])": "[1](activations[-l])"}),
    fault("SigmaPrimeOfTheLayerAbove", "Book", "BP2", "sigma_prime_of_the_wrong_layer", "square squares",
          {"[1](zs[-l])": "[1](zs[-l + 1])"}),
    fault("SigmaPrimeBeforeTheWeights", "Book", "BP2", "sigma_prime_of_the_wrong_layer", "book deep square",
          {f"delta) * {BOOK_S}": "delta * F[self.kind.output if l == 2 else self.kind.activation][1](zs[-l + 1]))"}),
    fault("TransposeMissing", "Book", "BP2", "transpose_missing", "book deep square squares classes counts",
          {BOOK_W: "self.weights[-l + 1]"}),
    fault("UpdatedOnTheWay", "InOneLoop", "BP2", "updated_too_early", "book deep classes yesno",
          {"activations[-l - 1].T)\n": "activations[-l - 1].T)\n"
           "            self.weights[-l] = self.weights[-l] - 0.3 * nabla_w[-l]\n"
           "            self.biases[-l] = self.biases[-l] - 0.3 * nabla_b[-l]\n"}),
    fault("OuterProductSwapped", "Book", "BP4", "swapped", "book deep square squares",
          {"delta, activations[-2].transpose()": "activations[-2], delta.transpose()",
           "delta, activations[-l - 1].transpose()": "activations[-l - 1], delta.transpose()"}),
    fault("FactorTwo", "InOneLoop", "BP1", "factor", "book deep line robust",
          {"delta_L(": "2 * delta_L("}, cost_factor=1),
    fault("TargetMinusOutput", "InOneLoop", "BP1", "sign", "book classes yesno single",
          {"delta_L(": "-delta_L("}),
    fault("SignInside", "InOneLoop", "BP2", "sign", "book deep",
          {"np.dot(self.weights": "-np.dot(self.weights"}),
    fault("BiasSummedOverUnits", "InOneLoop", "BP3", "wrong_axis", "book deep classes",
          {"= delta, ": "= nabla_b[-l] + delta.sum(axis=0), "}),
    fault("SoftmaxElementwise", "InOneLoop", "BP1", "softmax_elementwise", "classes squares single soft",
          {f"delta = {BOOK_1}": "a = activations[-1]\n"
           "        g = -y / a if self.kind.cost == 'cross_entropy' else a - y\n"
           "        delta = g * a * (1 - a)"}),
    fault("OffByOneActivations", "Book", "BP4", "activations_of_the_wrong_layer", "square squares book",
          {"activations[-2].transpose()": "activations[-1].transpose()",
           "activations[-l - 1].transpose()": "activations[-l].transpose()"}),
    fault("OffByOneWeights", "Book", "BP2", "weights_of_the_wrong_layer", "square squares",
          {BOOK_W: "self.weights[-l].transpose()"}),
    fault("DeltaNotCarried", "Book", "BP2", "delta_of_the_wrong_layer", "square squares",
          {"    delta = np.dot(": "    error = np.dot(",
           "nabla_b[-l] = delta": "nabla_b[-l] = error",
           "np.dot(delta, activations[-l - 1]": "np.dot(error, activations[-l - 1]"}, layer="L-2"),
    fault("TargetsFlattened", "InOneLoop", "BP1", "broadcast", "deep square line",
          {BOOK_1: "(activations[-1] - y.ravel()).sum(axis=1, keepdims=True) * F[self.kind.output][1](zs[-1])"}),
    fault("FlatBiasGradient", "InOneLoop", "BP3", "broadcast", "book deep classes",
          {"= delta, ": "= delta.ravel(), "}),
    fault("PenaltyCountedIn", "InOneLoop", "BP4", "penalty", "book deep classes one",
          {LOOP_34: LOOP_34 + " + 0.05 * self.weights[-l]"}, l2=0),
    fault("PenaltyLeftOut", "WeightDecay", "BP4", "penalty_left_out", "book classes",
          {"gradient + 0.05 * W": "gradient"}, l2=0.05),
    fault("StaleActivations", "InOneLoop", "BP4", "stale_activations", "book deep classes",
          {"self.feedforward(x)\n": "self.feedforward(x)\n"
           "        used, self.kept = getattr(self, 'kept', activations), activations\n",
           "activations[-l - 1].T)": "used[-l - 1].T)"}),
    fault("NeverReset", "InOneLoop", "BP3", "accumulated", "book deep classes",
          {"nabla_b, nabla_w = self.zeros()": "nabla_b, nabla_w = self.kept = getattr(self, 'kept', self.zeros())",
           LOOP_34: "= nabla_b[-l] + delta, nabla_w[-l] + np.dot(delta, activations[-l - 1].T)",
           "return nabla_b, nabla_w": "return list(nabla_b), list(nabla_w)"}),
    fault("QuadraticDeltaForCrossEntropy", "InOneLoop", "BP1", "sigma_prime_too_many", "yesno",
          {BOOK_1: "(activations[-1] - y) * sigmoid_prime(zs[-1])"}),
    fault("WeightedInputsForActivations", "InOneLoop", "BP4", "z_for_a", "book deep classes",
          {"activations[-l - 1].T)": "[x, *zs][-l - 1].T)"}),
    fault("PrimeWrittenForAGivenZ", "InOneLoop", "BP1", "sigma_prime_of_a_at_z", "book deep square",
          {BOOK_1: "(activations[-1] - y) * prime_by_a(self.kind.output, zs[-1])",
           BOOK_S: "prime_by_a(self.kind.activation, zs[-l])"}),
)

ROWS_1 = "delta_L(self.kind, self.Z[-1], self.A[-1], Y, 1)"
ROWS_34 = "self.grad_weights[i], self.grad_biases[i] = self.A[i].T @ delta, delta.sum(axis=0)"
COLUMNS_W = "self.W[l].T @ delta"

CLASSES = (
    fault("OutputWithoutSigmaPrime", "MeanAtTheEnd", "BP1", "sigma_prime_forgotten", "book deep counts robust one",
          {"delta_L(self.kind, self.Z[-1], output, y, 1)": "grad_a(self.kind.cost, output, y)"}),
    fault("HiddenWithoutSigmaPrime", "ColumnsOfABatch > KeepsItsLists", "BP2", "sigma_prime_forgotten",
          "book deep yesno", {" * F[self.kind.activation][1](self.z[l - 1])": ""}),
    fault("OutputPrimeOfTheActivation", "Torchlike", "BP1", "sigma_prime_of_a", "book deep one",
          {"delta_L(self.kind, self.z[-1], self.a[-1], Y, 1)":
           "(self.a[-1] - Y) * F[self.kind.output][1](self.a[-1])"}),
    fault("HiddenPrimeOfTheActivation", "Torchlike > KeepsItsGrads", "BP2", "sigma_prime_of_a", "book classes counts",
          {'"] * F[self.kind.activation][1](self.z[': '"] * F[self.kind.activation][1](self.a['}),
    fault("NotTransposed", "ColumnsOfABatch", "BP2", "transpose_missing", "book square squares",
          {COLUMNS_W: "self.W[l] @ delta"}),
    fault("RowsOfTheBookWronglyTransposed", "Torchlike", "BP2", "transpose_missing", "book classes",
          {'delta @ self.params[f"W{l}"]': 'delta @ self.params[f"W{l}"].T'}),
    fault("TrainsInBackward", "Rows", "BP2", "updated_too_early", "book deep classes",
          {"def backward(self, X, Y):": "def backward(self, X, Y, lr):",
           ROWS_34: ROWS_34 + "\n            self.weights[i] -= lr * self.grad_weights[i]"
           "\n            self.biases[i] -= lr * self.grad_biases[i]"}),
    fault("Swapped", "ColumnsOfABatch", "BP4", "swapped", "book classes squares",
          {"delta @ self.a[l].T": "self.a[l] @ delta.T"}),
    fault("MeanForgotten", "Rows", "BP1", "mean_forgotten", "book classes",
          {" / len(X)": ""}, batch="mean"),
    fault("MeanTwice", "ColumnsOfABatch", "BP1", "mean_twice", "book deep",
          {"delta @ self.a[l].T": "delta @ self.a[l].T / m",
           "delta.sum(axis=1, keepdims=True)": "delta.sum(axis=1, keepdims=True) / m"}),
    fault("WeightsNotAveraged", "MeanAtTheEnd", "BP4", "mean_forgotten", "book yesno classes",
          {"self.A[i], delta) / m": "self.A[i], delta)"}),
    fault("BiasOverTheWrongAxis", "ColumnsOfABatch", "BP3", "wrong_axis", "book classes",
          {"delta.sum(axis=1, ": "delta.sum(axis=0, "}),
    fault("BiasSummedToOneNumber", "Rows", "BP3", "wrong_axis", "book deep",
          {"delta.sum(axis=0)": "np.sum(delta)"}),
    fault("FactorTwo", "Rows", "BP1", "factor", "book line deep",
          {"delta_L(": "2 * delta_L("}, cost_factor=1),
    fault("WrongWay", "Torchlike", "BP1", "sign", "book classes yesno",
          {"delta_L(": "-delta_L("}),
    fault("WeightsTheWrongWay", "Rows", "BP4", "sign", "book classes",
          {"self.A[i].T @ delta": "-self.A[i].T @ delta"}),
    fault("SoftmaxElementwise", "ColumnsOfABatch", "BP1", "softmax_elementwise", "classes soft single",
          {"delta = delta_L(self.kind, self.z[-1], self.a[-1], Y, 0)": "p = self.a[-1]\n"
           "        g = -Y / p if self.kind.cost == 'cross_entropy' else p - Y\n"
           "        delta = g * p * (1 - p)"}),
    fault("OffByOne", "ColumnsOfABatch", "BP4", "activations_of_the_wrong_layer", "square squares book",
          {"self.a[l].T": "self.a[l + 1].T"}),
    fault("WeightsOffByOne", "Rows", "BP2", "weights_of_the_wrong_layer", "square squares",
          {"self.weights[i].T": "self.weights[i - 1].T"}),
    fault("TargetsFlattened", "Rows", "BP1", "broadcast", "yesno",
          {ROWS_1: "np.sum(self.A[-1] - Y.reshape(-1), axis=1, keepdims=True)"}),
    fault("PenaltyCountedIn", "Rows", "BP4", "penalty", "book classes",
          {"self.A[i].T @ delta": "self.A[i].T @ delta + 0.01 * self.weights[i]"}, l2=0),
    fault("PenaltyLeftOut", "DecayedColumns", "BP4", "penalty_left_out", "book classes",
          {"gradient + 0.01 * W": "gradient"}, l2=0.01),
    fault("StaleInputs", "Rows", "BP4", "stale_activations", "book deep",
          {"self.A, self.Z = [X], []": "self.A, self.Z, before, self.inputs = [X], [], getattr(self, 'inputs', X), X\n"
           "        self.below = before if before.shape == X.shape else X",
           "self.A[i].T @ delta": "(self.A[i] if i else self.below).T @ delta"}, layer=1),
    fault("GradientsNeverZeroed", "Rows", "BP3", "accumulated", "book classes",
          {"self.grad_weights, self.grad_biases = [None] * n, [None] * n": "if not hasattr(self, 'grad_weights'):\n"
           "            self.grad_weights, self.grad_biases = [0.0] * n, [0.0] * n",
           ROWS_34: "self.grad_weights[i] = self.grad_weights[i] + self.A[i].T @ delta\n"
           "            self.grad_biases[i] = self.grad_biases[i] + delta.sum(axis=0)"}),
    fault("PrimeAfterTheSum", "Rows", "BP2", "sigma_prime_of_the_wrong_layer", "book deep",
          {"delta @ self.weights[i].T * F[self.kind.activation][1](self.Z[i - 1])":
           "(delta * F[self.kind.activation if i < n - 1 else self.kind.output][1](self.Z[i])) @ self.weights[i].T"}),
)

MEAN_1 = "delta_L(kind, Zs[-1], A[-1], Y, 1)"
MEAN_2 = "D @ Ws[i].T * F[kind.activation][1](Zs[i - 1])"
MEAN_34 = "grads.append((A[i].T @ D, D.sum(axis=0)))"
NOT_YET = {f"{MEAN_1} / len(X)": MEAN_1}  # D is not divided by m in BP1

FUNCTIONS = (
    fault("output_without_sigma_prime", "pairs_and_mean", "BP1", "sigma_prime_forgotten", "book deep counts robust one",
          {MEAN_1: "grad_a(kind.cost, A[-1], Y)"}),
    fault("hidden_without_sigma_prime", "pairs_and_mean > dictionary", "BP2", "sigma_prime_forgotten",
          "book classes yesno", {MEAN_2: "D @ Ws[i].T"}),
    fault("weights_not_transposed", "pairs_and_mean", "BP2", "transpose_missing", "book squares deep",
          {"Ws[i].T": "Ws[i]"}),
    fault("derivative_at_the_activation", "pairs_and_mean > pair_of_lists", "BP2", "sigma_prime_of_a",
          "deep classes counts", {"(Zs[i - 1])": "(A[i])"}),
    fault("derivative_of_relu", "pairs_and_mean", "BP2", "sigma_prime_of_another_activation", "book classes",
          {"F[kind.activation][1](": "relu_prime("}),
    fault("derivative_of_tanh_at_the_output", "pairs_and_mean", "BP1", "sigma_prime_of_another_activation", "book one",
          {MEAN_1: "(A[-1] - Y) * tanh_prime(Zs[-1])"}),
    fault("mean_of_the_loss_sum_of_the_gradient", "pairs_and_mean > dictionary_of_the_same_names", "BP1",
          "mean_forgotten", "book classes single line", NOT_YET),
    fault("divided_by_m_twice", "pairs_and_mean", "BP1", "mean_twice", "book classes deep",
          {MEAN_34: "grads.append((A[i].T @ D / len(X), D.mean(axis=0)))"}),
    fault("divided_by_m_in_every_layer", "pairs_and_mean", "BP2", "mean_twice", "book classes deep",
          {MEAN_2: MEAN_2 + " / len(X)"}),
    fault("bias_summed_weights_averaged", "pairs_and_mean > pair_of_lists", "BP3", "mean_forgotten",
          "book classes counts", {**NOT_YET, "A[i].T @ D": "A[i].T @ D / len(X)"}),
    fault("weights_summed_bias_averaged", "pairs_and_mean", "BP4", "mean_forgotten", "book classes yesno",
          {**NOT_YET, "D.sum(axis=0)": "D.mean(axis=0)"}),
    fault("bias_summed_over_the_units", "pairs_and_mean", "BP3", "wrong_axis", "book classes deep",
          {"D.sum(axis=0)": "D.sum(axis=1)"}),
    fault("bias_not_summed", "pairs_and_mean", "BP3", "batch_sum_forgotten", "book classes",
          {"D.sum(axis=0)": "D"}),
    fault("outer_product_swapped", "pairs_and_mean", "BP4", "swapped", "book deep squares",
          {"A[i].T @ D": "D.T @ A[i]"}),
    fault("half_in_the_loss_two_in_the_gradient", "pairs_and_mean", "BP1", "factor", "book line deep",
          {MEAN_1: "2 * " + MEAN_1}),
    fault("target_minus_output", "pairs_and_mean > dictionary_of_the_same_names", "BP1", "sign", "book classes single",
          {"delta_L(": "-delta_L("}),
    fault("softmax_as_if_elementwise", "pairs_and_mean", "BP1", "softmax_elementwise", "classes squares soft single",
          {f"D, grads = {MEAN_1}": "P = A[-1]\n"
           "    dP = -Y / P if kind.cost == 'cross_entropy' else P - Y\n"
           "    D, grads = dP * P * (1 - P)"}),
    fault("softmax_differentiated_twice", "pairs_and_mean", "BP1", "softmax_twice", "classes single",
          {f"D, grads = {MEAN_1}": "P, G = A[-1], A[-1] - Y\n"
           "    D, grads = P * (G - (P * G).sum(axis=1, keepdims=True))"}),
    fault("penalty_in_the_gradient_alone", "pairs_and_mean", "BP4", "penalty", "book classes one",
          {"A[i].T @ D": "A[i].T @ D + 1e-2 * Ws[i]"}),
    fault("penalty_in_the_loss_alone", "with_its_penalty", "BP4", "penalty_left_out", "book classes line",
          {"dW + 0.02 * W": "dW"}),
    fault("targets_flattened", "pairs_and_mean", "BP1", "broadcast", "yesno",
          {MEAN_1: "(A[-1] - Y.ravel()).mean(axis=1, keepdims=True)"}),
    fault("activations_off_by_one", "pairs_and_mean", "BP4", "activations_of_the_wrong_layer", "squares square",
          {"A[i].T": "A[i + 1].T"}),
    fault("updates_its_params", "pairs_and_mean", "BP2", "updated_too_early", "book classes",
          {MEAN_34: MEAN_34 + "\n        Ws[i][:] -= 0.5 * grads[-1][0]\n        bs[i][:] -= 0.5 * grads[-1][1]"}),
    fault("summed_before_the_product", "pairs_and_mean", "BP4", "sum_before_product", "book classes",
          {"A[i].T @ D": "np.outer(A[i].sum(axis=0), D.sum(axis=0))"}),
    fault("overwritten_in_the_loop", "one_by_one", "BP3", "only_the_last_example", "book classes",
          {" if total is None else [(a + c, b + d) for (a, b), (c, d) in zip(total, grads, strict=True)]": ""}),
)
# fmt: on

STYLES = {"nielsen": NIELSEN, "rows": FUNCTIONS, "class": CLASSES}


# Their conventions of their own change what must be said of a mistake.
NOT_CROSSED = ("one_by_one", "with_its_penalty", "twice_the_cost")


def crossed():
    """Every fault in every other right code that rests on the one edited, or in which its old texts stand as well."""
    seen = set()
    for fault in (fault for faults in STYLES.values() for fault in faults):
        for name in (code.__name__ for code in (*right_codes.CLASSES, *right_codes.FUNCTIONS)):
            rests = rests_on(name, fault.code)
            known = name, fault.mistake, *fault.edits.items()
            if name in (fault.code, fault.by, *NOT_CROSSED) or not (rests or fits(text_of(name), fault.edits)):
                continue
            if known not in seen:
                yield replace(fault, code=fault.code if rests else name, by=name)
            seen.add(known)
