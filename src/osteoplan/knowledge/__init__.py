"""Clinical and material facts as cited, dated data, with their loaders and schemas."""
