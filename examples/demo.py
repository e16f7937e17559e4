"""Trains, checks and saves a network in half a minute; `make demo` runs it.

The data are handwritten digits (1,797 images of 8x8 pixels, from scikit-learn), the network is 64-256-256-10.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import deltaprop as dp

FOLDER = Path("demo")


def say(title):
    print(f"\n{title}\n{'-' * len(title)}")


def print_epoch(event):
    e = event.record
    validation = f"validation cost {e.validation_cost:.4f}, accuracy {e.validation_score:.4f}"
    print(f"epoch {e.epoch:>3}   cost {e.cost:.4f}   {validation}")


def command(arguments):
    """Run the command line, and show the first lines of its output."""
    print(f"$ deltaprop {arguments}")
    line = [sys.executable, "-m", "deltaprop", *shlex.split(arguments)]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    print("\n".join(lines[:6]) + (f"\n... {len(lines) - 6:,} lines more" if len(lines) > 6 else ""))


say("1. Train on four fifths of the digits, until the validation cost stops falling")
model = dp.TableModel(seed=0).fit("digits", test=0.2, on_epoch=print_epoch)
print(model.network)
print(f"kept the weights of epoch {model.facts['best_epoch']}, which has the lowest validation cost")

accuracy = model.facts["test"]["numbers"]["accuracy"]
say("2. Test on the fifth that was not used for training")
print(f"held-out accuracy {accuracy:.4f} on {model.facts['test']['rows']} digits")

say("3. Check the gradients of BP1-BP4 against complex steps")
report = model.check("digits")
print(report)

say("4. Save, and predict with the command line")
FOLDER.mkdir(exist_ok=True)
file = FOLDER / "digits.safetensors"
model.save(file)
command(f"predict {file} digits")

say("5. Look inside: every quantity of every layer is available")
net = dp.load(file)
print(f"W^1 {net.layer(1).W.shape}, b^1 {net.layer(1).b.shape}, θ {net.theta.shape}")

sys.exit(0 if report.ok and accuracy >= 0.97 else "the demo did not reach its accuracy")
