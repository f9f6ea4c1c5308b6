"""Print the tables of docs/studies/nuclear.md.

    python tools/nuclear_study.py TABLE EXPERIMENT PDF [HELICITY]

TABLE is accuracy, nodes, closure, models, networks, cross_section, structure_functions (figures,
both), or transfer (docs/studies/transfer.md).
EXPERIMENT is a file of config/experiments without its ending, such as dune_impulse; PDF the folder
of a PDF set, such as results/pdf/ct18nnlo_embedded of any run. A few minutes on one core each.
"""

import sys

from nuclear.case import Case
from nuclear.closure import accuracy, closure, nodes
from nuclear.cross_section import cross_section
from nuclear.models import models
from nuclear.networks import networks
from nuclear.structure_functions import structure_functions
from nuclear.transfer import transfer

TABLES = {
    "accuracy": accuracy,
    "nodes": nodes,
    "closure": closure,
    "models": models,
    "networks": networks,
    "cross_section": cross_section,
    "structure_functions": structure_functions,
    "transfer": transfer,
}

if __name__ == "__main__":
    what, experiment, pdf, *helicity = sys.argv[1:]
    TABLES[what](Case.of(experiment, pdf, antineutrino=helicity == ["antineutrino"]))
