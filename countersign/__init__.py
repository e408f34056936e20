"""The installable face of Countersign: the command of that name, and what browsers need of it."""
