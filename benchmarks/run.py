"""Speed and memory, as ratios against a peer or a floor in one run: `make bench`.

Each line names what was measured, its ratio, and what the project aims at. Machines differ and are
noisy; the ratios are what to compare.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.result import Result

PARTS = ("compositing", "startup", "memory", "drawing", "mixing", "online", "reviewing", "studio")


def measure(part: str) -> list[Result]:
    """Run the part of this name, the module beside this one."""
    return list(import_module(f"benchmarks.{part}").run())


def main() -> None:
    """Run the parts that were asked for, or all, each in a process that nothing ran in before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all when left out")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("what", overflow="fold")
    table.add_column("measured", justify="right")
    table.add_column("ratio", justify="right")
    table.add_column("aim", justify="right")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        for results in processes.map(measure, chosen):
            for result in results:
                table.add_row(result.what, result.measured, result.ratio, result.aim)
            table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
