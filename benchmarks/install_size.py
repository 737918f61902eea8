"""How many packages and megabytes an installation takes: `python benchmarks/install_size.py [EXTRA...]`.

A fresh environment is made in a temporary folder, the checkout is installed into it with the versions of
constraints.txt, and what pip brought is counted; pip itself is not. pip compiles all modules, those of tests
too, unless it is told `--no-compile`; Python compiles the others when it first imports them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LARGEST = 12


def size(path: Path, pattern: str = "*") -> int:
    """Bytes of the files below a path, links not followed."""
    if path.is_file():
        return path.lstat().st_size if path.match(pattern) else 0
    return sum(
        each.lstat().st_size for each in path.rglob(pattern) if each.is_file() and not each.is_symlink()
    )


def main() -> None:
    """Install and print."""
    extras = f"[{','.join(sys.argv[1:])}]" if sys.argv[1:] else ""
    with tempfile.TemporaryDirectory(prefix="cte-lake-size-") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        (packages,) = Path(folder).glob("lib/python*/site-packages")
        before = {path.name for path in packages.iterdir()}
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        install = [str(python), "-m", "pip", "install", "--quiet", *constraints, f"{ROOT}{extras}"]
        subprocess.run(install, check=True, timeout=7200)
        brought = [path for path in packages.iterdir() if path.name not in before]
        sizes = sorted(((size(path), path.name) for path in brought), reverse=True)
        compiled = sum(size(path, "*.pyc") for path in brought)
        count = sum(name.endswith(".dist-info") for _, name in sizes)
    whole = sum(each for each, _ in sizes)
    print(f"cte-lake{extras}: {count} packages, {whole / 1e6:.0f} MB, by `pip install --no-compile` ", end="")
    print(f"{(whole - compiled) / 1e6:.0f} MB")
    for each, name in sizes[:_LARGEST]:
        print(f"{each / 1e6:8.0f} MB  {name}")


if __name__ == "__main__":
    main()
