"""The configuration: one typed model per section, checked before anything runs.

Values live in `config/config.yaml` alone; the models say what is allowed and why. The JSON schema
`config/schema.json` and the table `docs/configuration.md` are generated from them
(`python -m nd2fd.config`) and tested to be in sync.
"""
