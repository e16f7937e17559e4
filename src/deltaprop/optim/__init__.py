"""Update rules and learning-rate schedules: pure functions of (θ, gradient, slots, rate, step)."""
