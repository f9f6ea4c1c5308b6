"""Entries of the catalogue by subject: what each figure is called, says and needs.

The workflow reads them when it starts, so that nothing heavy may be imported.
"""
