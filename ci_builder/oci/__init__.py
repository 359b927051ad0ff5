"""Values of the OCI image specification: parsed, frozen, without I/O."""
