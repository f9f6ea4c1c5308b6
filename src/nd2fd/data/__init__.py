"""Numbers shipped with the package."""
