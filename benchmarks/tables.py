"""The goals on real data, each by one command with its default settings; skipped if the files are absent.

The files are read from the folder DELTAPROP_DATA or, if it is not set, from ../shared/data beside the checkout.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

DATA = Path(os.environ.get("DELTAPROP_DATA", Path(__file__).parents[2] / "shared" / "data"))
ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,"
    "capital_gain,capital_loss,hours_per_week,native_country,income"
)
NIELSEN = (
    "--hidden 30 --activation sigmoid --optimizer sgd --lr 0.5 --batch-size 10 --epochs 10 --l2 8.3e-5 --validation 0"
)
JOBS = {
    "digits": ("digits --test 0.2", 0.97),
    "Adult": (f"tables/adult-train.csv --names {ADULT} --target income --test tables/adult-test.csv", 0.85),
    "California": ("tables/california-housing.csv --target median_house_value --test 0.2", 0.75),
    "MNIST": (f"mnist/train-images-idx3-ubyte.gz --test mnist/t10k-images-idx3-ubyte.gz {NIELSEN}", 0.95),
}


def run(arguments, seed):
    start = perf_counter()
    command = [sys.executable, "-m", "deltaprop", "train", *arguments.split(), "--seed", str(seed), "--json"]
    done = subprocess.run(command, cwd=DATA, check=True, capture_output=True, text=True)
    numbers = json.loads(done.stdout)["facts"]["test"]["numbers"]
    return next(iter(numbers.items())), perf_counter() - start


def main(seeds=3):
    if not DATA.is_dir():
        print(f"skipped: there is no folder {DATA}; DELTAPROP_DATA may name another")
        return
    print(f"{'data':<12} {'score':<9} {'goal':>5}  {'by seed':<24} seconds")
    for name, (arguments, goal) in JOBS.items():
        results = [run(arguments, seed) for seed in range(seeds)]
        scores = " ".join(f"{value:.4f}" for (_, value), _ in results)
        seconds = " ".join(f"{s:.1f}" for _, s in results)
        print(f"{name:<12} {results[0][0][0]:<9} {goal:>5}  {scores:<24} {seconds}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
