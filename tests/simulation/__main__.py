"""`python -m tests.simulation SEED ...`: live seeds again, with the whole trace."""

import argparse
import time

from durable_server.clock import SECOND

from tests.simulation.life import SeedFailed, live


def main() -> None:
    """Live each seed that was named, or a range of them quietly."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="+", help="seeds, or ranges such as 0-999")
    parser.add_argument("--trace", action="store_true", help="print every step")
    given = parser.parse_args()
    failed = 0
    begun = time.perf_counter()
    for seed in [seed for text in given.seeds for seed in _range(text)]:
        try:
            world = live(seed)
        except SeedFailed as broken:
            failed += 1
            print(broken, flush=True)
            continue
        if given.trace:
            start = world.trace[0][0]
            for at, label in world.trace:
                print(f"{(at - start) / SECOND:9.3f}  {label}")
        if len(given.seeds) == 1 and "-" not in given.seeds[0]:
            print(f"seed {seed}: {len(world.trace)} steps, {world.judge.transactions} transactions")
            print(dict(world.refusals))
    print(f"{failed} failed, {time.perf_counter() - begun:.1f} s")


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    main()
