"""Input files: read, converted from older versions, checked against the schema, documented."""
