"""The subcommands of ``sdc``: dataclasses whose fields are the flags, with a method ``run``."""
