"""Clinical and material facts as cited, dated data, with their loaders and schemas."""

from osteoplan.knowledge.load import version
from osteoplan.knowledge.review import lint

__all__ = ["lint", "version"]
