# Three faults of Slurm's plugin for Snakemake (2.8.0): two make a run wait for ever, one is silent.
import sys

if "snakemake_executor_plugin_slurm" in sys.modules:
    slurm_plugin = sys.modules["snakemake_executor_plugin_slurm"]
    ask_slurm = slurm_plugin.query_job_status
    submit_to_slurm = slurm_plugin.Executor.run_job
    report_error = slurm_plugin.Executor.report_job_error

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
            executor._report_job_error_threadsafe(
                slurm_plugin.SubmittedJobInfo(job), message
            )

    # What is said of a group of rules, Snakemake does not show.
    def report_of_groups_too(executor, job_info, msg=None, **others):
        """Report a failed job; that it was not accepted stands in the run's last lines, too."""
        if msg and job_info.job.is_group():
            executor.logger.error(msg)
        for job in rules_of(job_info.job):
            if job_info.external_jobid is None:
                REFUSALS[name_of(job)] = str(msg)
            else:
                REFUSALS.pop(name_of(job), None)
        report_error(executor, job_info, msg=msg, **others)

    slurm_plugin.query_job_status = ask_slurm_again_later
    slurm_plugin.Executor.run_job = submit_or_report
    slurm_plugin.Executor.report_job_error = report_of_groups_too
