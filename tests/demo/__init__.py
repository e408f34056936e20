"""The demo organisation: its data, its models, its plan and its traffic."""
