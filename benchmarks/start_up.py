"""How long `import deltaprop` takes beyond `import numpy`, in fresh processes, in turn."""

import subprocess
import sys

from benchmarks._timing import interleaved


def main(rounds=15):
    def starts(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ours, numpy, _ = interleaved(starts("import deltaprop"), starts("import numpy"), rounds)
    more = (ours - numpy) * 1e3
    print(f"import deltaprop {ours * 1e3:.0f} ms, import numpy {numpy * 1e3:.0f} ms, more: {more:.0f} ms")


if __name__ == "__main__":
    main()
