# Two faults of Slurm's plugin for Snakemake (2.8.0) that make a run wait for ever.
import sys

if "snakemake_executor_plugin_slurm" in sys.modules:
    slurm_plugin = sys.modules["snakemake_executor_plugin_slurm"]
    ask_slurm = slurm_plugin.query_job_status
    submit_to_slurm = slurm_plugin.Executor.run_job

    # When Slurm does not answer a question about the state of jobs, the plugin forgets them all.
    # Without an answer nothing is known, and it asks again later.
    async def ask_slurm_again_later(command, logger):
        """States by job, and the seconds that the answer took; no states if there is no answer."""
        states, seconds = await ask_slurm(command, logger)
        return ({}, 0.0) if states is None else (states, seconds)

    # When a group of rules cannot be submitted, the plugin fails in reporting so.
    def submit_or_report(executor, job):
        """Submit a job; whatever goes wrong is an error of this job."""
        try:
            submit_to_slurm(executor, job)
        except Exception as error:
            message = f"Job submission failed: {error.__context__ or error}"
            # Of a group, Snakemake does not show the message.
            executor.logger.error(message)
            executor._report_job_error_threadsafe(
                slurm_plugin.SubmittedJobInfo(job), message
            )

    slurm_plugin.query_job_status = ask_slurm_again_later
    slurm_plugin.Executor.run_job = submit_or_report
