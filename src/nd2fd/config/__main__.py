"""Write the files that are generated from the models, in a checkout's root directory."""

from pathlib import Path

import yaml

from nd2fd.config.documents import json_schema, markdown_table

defaults = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
Path("config/schema.json").write_text(json_schema(), encoding="utf-8")
Path("docs/configuration.md").write_text(markdown_table(defaults), encoding="utf-8")
