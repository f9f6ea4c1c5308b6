"""The artifacts of the workflow, one module per stage: what every file under ``results/`` holds.

Raise a class's version with every change of it. Two values along ``edge`` are the lower and the
upper edge, along ``octant`` the lower and the upper octant. The letters ND and FD stand for near
and far detector; what is of the FD is missing where there is none.
"""
