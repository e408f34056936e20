"""The panels: what pages are made of. They take what the desks give and lay it out with the kit."""
