"""An entry of the catalogue of figures."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nd2fd.figures.roles import Roles, roles_of
from nd2fd.figures.words import listed
from nd2fd.plan import Plan

Inputs = dict[str, str | list[str]]
Params = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """An entry of the catalogue.

    name
        As in `results/figs` and in `ensembles.NAME.shown_in`.
    module
        Of `nd2fd.figures`, with `from_job`.
    group, title
        In the report.
    text
        Caption, or what makes it from plan and roles (`figures.words`): plain text, since it goes
        into reStructuredText and Markdown alike. A number in braces is one of the numbers file,
        with a role in place of the ensemble; it is quoted for each ensemble of that role. What
        stands in [brackets] is left out where a number in it does not exist; "3 to 3" becomes "3".
    needs
        Input files from plan and roles; None where what the figure shows is absent.
    settings
        Parameters from plan and roles.
    others
        Further roles in the caption, of ensembles that other figures show.
    single
        Whether it shows one ensemble of each role, the first.
    """

    name: str
    module: str
    group: str
    title: str
    text: str | Callable[[Plan, Roles], str]
    needs: Callable[[Plan, Roles], Inputs | None]
    settings: Callable[[Plan, Roles], Params] = lambda plan, roles: {}
    others: Callable[[Plan], Roles] = lambda plan: {}
    single: bool = False

    @property
    def number(self) -> str:
        """Without `fig`."""
        return self.name.removeprefix("fig")

    def roles(self, plan: Plan) -> Roles:
        """Ensembles shown, by role."""
        roles = roles_of(plan, self.name)
        return {role: names[:1] for role, names in roles.items()} if self.single else roles

    def inputs(self, plan: Plan) -> Inputs | None:
        """Input files by role; None where the figure has nothing to show, or no truth for it."""
        inputs = self.needs(plan, self.roles(plan))
        return None if inputs is None or plan.lacks(inputs.values()) else inputs

    def data(self, plan: Plan) -> list[str]:
        """File of the data that are drawn; a diagram, which is made from none, has no such file."""
        return [plan.path(f"figs/{self.name}.csv")] if self.inputs(plan) else []

    def params(self, plan: Plan) -> Params:
        """Parameters besides the inputs, for a figure that has some."""
        return self.settings(plan, self.roles(plan))

    def caption(self, plan: Plan) -> str:
        """The caption with ensembles in place of roles; numbers are still names in braces."""
        roles = self.roles(plan) | self.others(plan)

        def quoted(match: re.Match[str]) -> str:
            number, spec = match["number"].split("/"), match["spec"]
            places = [place for place, part in enumerate(number) if part in roles]
            if not places:
                return match[0]
            (place,) = places
            # No ensemble is called "-": nothing is known about a role that nobody has.
            names = roles[number[place]] or ["-"]
            return listed(
                [
                    "{" + "/".join([*number[:place], n, *number[place + 1 :]]) + spec + "}"
                    for n in names
                ]
            )

        text = self.text if isinstance(self.text, str) else self.text(plan, roles)
        text = re.sub(r"{(?P<number>[^}:]+)(?P<spec>(:[^}]*)?)}", quoted, text)
        fitted = [key.removesuffix("_fits") for key in self.inputs(plan) or {} if "_fits" in key]
        return text + "".join(map(cut_fits, fitted))


def cut_fits(ensemble: str) -> str:
    """What is said of an ensemble's fits where some end at an edge of their ranges."""
    return (
        f"[ {{{ensemble}/at_edge}} % of the replicas of {ensemble} end at an edge of the fit "
        "ranges, so that their spread is cut.]"
    )
