# When Slurm does not answer a question about the state of jobs, its plugin for Snakemake (2.8.0)
# forgets them all and waits for ever. Without an answer nothing is known, and it asks again later.
import sys

if "snakemake_executor_plugin_slurm" in sys.modules:
    slurm_plugin = sys.modules["snakemake_executor_plugin_slurm"]
    ask_slurm = slurm_plugin.query_job_status

    async def ask_slurm_again_later(command, logger):
        """States by job, and the seconds that the answer took; no states if there is no answer."""
        states, seconds = await ask_slurm(command, logger)
        return ({}, 0.0) if states is None else (states, seconds)

    slurm_plugin.query_job_status = ask_slurm_again_later
