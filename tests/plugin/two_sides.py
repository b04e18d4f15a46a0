"""A/Bs of a project with a copy of it whose product is faster, by real workers."""

from __future__ import annotations

import shutil


def work(milliseconds):
    """Write the product: a module whose work takes so long on the test's clock."""
    return (
        f"SLOW = {milliseconds > 1}\n\n"
        f"def work(clock):\n    clock.advance({milliseconds}_000_000)\n    return 42\n"
    )


class TwoSides:
    """A project whose product takes 3 ms, and a baseline of it that takes 1 ms.

    Attributes:
        project: runs pytest in it.
        baseline: the directory of the other side.
    """

    def __init__(self, project, baseline):
        self.project = project
        self.baseline = baseline

    def lay_out(self, test, *, ini="", conftest="", **modules):
        """Write both sides, which differ in the product alone."""
        self.project.write(test, product=work(1), **modules)
        (self.project.path / "pytest.ini").write_text(f"[pytest]\n{ini}")
        if conftest:
            self.project.pytester.makeconftest(conftest)
        shutil.copytree(self.project.path, self.baseline, dirs_exist_ok=True)
        (self.project.path / "product.py").write_text(work(3))

    def compare(self, *options, blocks=2):
        """Run the A/B in this process, with workers of its own."""
        base = f"--perf-against=dir:{self.baseline}"
        report = "--perf-json=perf-report.json"
        return self.project.run(base, report, f"--perf-blocks={blocks}", *options)

    def verdicts(self):
        """Give the newest run's verdicts by operation: an effect, or why there is none."""
        found = self.project.verdicts()
        assert len(found) == len({one["operation"] for one in found})
        return {
            one["operation"]: one["comparison"]["effect"] if one["comparison"] else one["reason"]
            for one in found
        }

    def warnings(self):
        """Give the newest run's warnings by operation."""
        return {one["operation"]: one["warnings"] for one in self.project.verdicts()}
