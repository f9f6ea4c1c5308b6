"""Files: artifacts and their schemas, jobs of the workflow, digests of code."""
