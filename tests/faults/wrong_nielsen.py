"""Wrong backprops in the style of Nielsen's book: a class with weights and biases, one example as columns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from kinds import planted
from their_maths import F, delta_L, grad_a, output


class Network:
    """What all of them share: the parameters, and a forward pass that is right."""

    kind = None

    def __init__(self, sizes):
        self.num_layers = len(sizes)
        self.biases = [np.zeros((n, 1)) for n in sizes[1:]]
        self.weights = [np.zeros((n, k)) for k, n in pairwise(sizes)]

    def feedforward(self, x):
        activation, activations, zs = x, [x], []
        for b, w in zip(self.biases, self.weights, strict=True):
            z = np.dot(w, activation) + b
            zs.append(z)
            last = len(zs) == len(self.weights)
            activation = output(self.kind, z, 0) if last else F[self.kind.activation][0](z)
            activations.append(activation)
        return zs, activations

    def zeros(self):
        return [np.zeros(b.shape) for b in self.biases], [np.zeros(w.shape) for w in self.weights]

    def sp(self, z):
        return F[self.kind.activation][1](z)


@planted("BP1", "sigma_prime_forgotten", kinds="book deep square counts robust one")
class SigmaPrimeForgottenAtTheOutput(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = grad_a(self.kind.cost, activations[-1], y)
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * self.sp(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return nabla_b, nabla_w


@planted("BP2", "sigma_prime_forgotten")
class SigmaPrimeForgottenInside(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1] = delta
        nabla_w[-1] = delta @ activations[-2].T
        for l in range(2, self.num_layers):
            delta = self.weights[-l + 1].T @ delta
            nabla_b[-l] = delta
            nabla_w[-l] = delta @ activations[-l - 1].T
        return nabla_b, nabla_w


@planted("BP1", "sigma_prime_of_a", kinds="book deep square")
class SigmaPrimeOfTheOutputsActivation(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, a = self.feedforward(x)
        delta = (a[-1] - y) * F[self.kind.output][1](a[-1])
        for l in range(self.num_layers - 2, -1, -1):
            nabla_b[l], nabla_w[l] = delta, np.outer(delta, a[l])
            if l:
                delta = self.weights[l].T.dot(delta) * self.sp(zs[l - 1])
        return nabla_b, nabla_w


@planted("BP2", "sigma_prime_of_a", kinds="book deep square classes")
class SigmaPrimeOfTheHiddenActivation(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * self.sp(activations[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return nabla_b, nabla_w


@planted("BP2", "sigma_prime_of_the_wrong_layer", kinds="square squares")
class SigmaPrimeOfTheLayerAbove(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1], nabla_w[-1] = delta, delta @ activations[-2].T
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].T, delta) * self.sp(zs[-l + 1])
            nabla_b[-l], nabla_w[-l] = delta, delta @ activations[-l - 1].T
        return nabla_b, nabla_w


@planted("BP2", "sigma_prime_of_the_wrong_layer", kinds="book deep square")
class SigmaPrimeBeforeTheWeights(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        primes = [self.sp] * (self.num_layers - 2) + [F[self.kind.output][1]]
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(self.num_layers - 2, -1, -1):
            nabla_b[l] = delta
            nabla_w[l] = delta @ activations[l].T
            delta = self.weights[l].T @ (delta * primes[l](zs[l]))
        return nabla_b, nabla_w


@planted("BP2", "transpose_missing", kinds="book deep square squares classes counts")
class TransposeMissing(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1], delta) * self.sp(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return nabla_b, nabla_w


@planted("BP2", "updated_too_early", kinds="book deep classes yesno")
class UpdatedOnTheWay(Network):
    eta = 0.3

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[-l + 1].T, delta) * self.sp(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].T)
            self.weights[-l] = self.weights[-l] - self.eta * nabla_w[-l]
            self.biases[-l] = self.biases[-l] - self.eta * nabla_b[-l]
        return nabla_b, nabla_w


@planted("BP4", "swapped", kinds="book deep square squares")
class OuterProductSwapped(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(activations[-2], delta.transpose())
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * self.sp(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(activations[-l - 1], delta.transpose())
        return nabla_b, nabla_w


@planted("BP1", "factor", kinds="book deep line robust", cost_factor=1)
class FactorTwo(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = 2 * delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP1", "sign", kinds="book classes yesno single")
class TargetMinusOutput(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = -delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP2", "sign", kinds="book deep")
class SignInside(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = -np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP3", "wrong_axis", kinds="book deep classes")
class BiasSummedOverUnits(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l] = nabla_b[-l] + delta.sum(axis=0)
            nabla_w[-l] = np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP1", "softmax_elementwise", kinds="classes squares single soft")
class SoftmaxElementwise(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        a = activations[-1]
        g = -y / a if self.kind.cost == "cross_entropy" else a - y
        delta = g * a * (1 - a)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP4", "activations_of_the_wrong_layer", kinds="square squares book")
class OffByOneActivations(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1], nabla_w[-1] = delta, np.dot(delta, activations[-1].T)
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l].T)
        return nabla_b, nabla_w


@planted("BP2", "weights_of_the_wrong_layer", kinds="square squares")
class OffByOneWeights(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1], nabla_w[-1] = delta, np.dot(delta, activations[-2].T)
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP2", "delta_of_the_wrong_layer", layer="L-2", kinds="square squares")
class DeltaNotCarried(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1], nabla_w[-1] = delta, np.dot(delta, activations[-2].T)
        for l in range(2, self.num_layers):
            error = np.dot(self.weights[-l + 1].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = error, np.dot(error, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP1", "broadcast", kinds="deep square line")
class TargetsFlattened(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = (activations[-1] - y.ravel()).sum(axis=1, keepdims=True) * F[self.kind.output][1](zs[-1])
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP3", "broadcast", kinds="book deep classes")
class FlatBiasGradient(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l] = delta.ravel()
            nabla_w[-l] = np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP4", "penalty", kinds="book deep classes one", l2=0)
class PenaltyCountedIn(Network):
    lmbda = 0.05

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].T) + self.lmbda * self.weights[-l]
        return nabla_b, nabla_w


@planted("BP4", "penalty_left_out", kinds="book classes", l2=0.05)
class PenaltyLeftOut(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP4", "stale_activations", layer="L", kinds="book deep classes")
class StaleActivations(Network):
    """feedforward appends to lists that are never emptied, and backprop reads them from their beginning."""

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        used, self.kept = getattr(self, "kept", activations), activations
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, used[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP3", "accumulated", kinds="book deep classes")
class NeverReset(Network):
    """The gradients are added up from call to call."""

    def backprop(self, x, y):
        if not hasattr(self, "nabla_b"):
            self.nabla_b, self.nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            self.nabla_b[-l] = self.nabla_b[-l] + delta
            self.nabla_w[-l] = self.nabla_w[-l] + np.dot(delta, activations[-l - 1].T)
        return list(self.nabla_b), list(self.nabla_w)


@planted("BP1", "sigma_prime_too_many", kinds="yesno")
class QuadraticDeltaForCrossEntropy(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = (activations[-1] - y) * F["sigmoid"][1](zs[-1])
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP4", "z_for_a", kinds="book deep classes")
class WeightedInputsForActivations(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        below = [x, *zs]
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.sp(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, below[-l - 1].T)
        return nabla_b, nabla_w


@planted("BP1", "sigma_prime_of_a_at_z", kinds="book deep square")
class PrimeWrittenForAGivenZ(Network):
    """sigmoid_prime(a) = a (1 - a), called with z, in every layer."""

    def prime(self, name, v):
        return v * (1 - v) if name == "sigmoid" else 1 - v * v

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = (activations[-1] - y) * self.prime(self.kind.output, zs[-1])
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * self.prime(self.kind.activation, zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w
