"""OCI image layouts on disk (OCI image spec, image-layout.md): read, written, and the embedded store."""
