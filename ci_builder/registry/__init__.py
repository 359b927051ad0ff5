"""Registries over HTTP (OCI distribution spec 1.1), and the credentials for them."""
