"""From a Request and a Dockerfile to an Image."""
