# SPDX-License-Identifier: BSD-2-Clause
"""
The table of run --against: a row a figure, of the base (the older build unless the row names another) and of this build, their ratio,
and the goal.
"""
import sys


def shown(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


class Table:
    """Rows go to standard error as they come, and all together to standard output at the end. fine: no goal was missed."""

    def __init__(self):
        self.lines, self.fine = [], True

    def _line(self, text):
        self.lines.append(text)
        print(text, file=sys.stderr, flush=True)

    def heading(self, text):
        self._line(f"\n{text}")

    def row(self, text, unit, old, new, ratio=None, goal=None, goal_of="ratio"):
        """
        ratio: of new to old unless given. goal: the most that the ratio, or with goal_of="value" the new figure, may be;
        None: a figure beside. Whoever has no figure gives None.
        """
        if ratio is None and old and new is not None:
            ratio = new / old
        judged = ratio if goal_of == "ratio" else new
        verdict = ""
        if goal is not None:
            met = judged is not None and judged <= goal
            self.fine = self.fine and met
            verdict = f"≤ {goal:g}{'' if goal_of == 'ratio' else ' ' + unit}: "
            verdict += "met" if met else "not measured" if judged is None else "MISSED"
        self._line(f"  {text:64} {unit:11} {shown(old):>9} {shown(new):>9} {shown(ratio):>7}  {verdict}".rstrip())

    def note(self, text):
        self._line(f"  {text}")

    def fail(self, text):
        """A section that has no more figures: no goal of it can be called met."""
        self.fine = False
        self.note(text)

    def show(self):
        print(f"\n{'':2}{'':64} {'':11} {'base':>9} {'this':>9} {'ratio':>7}  goal")
        print("\n".join(self.lines), flush=True)
