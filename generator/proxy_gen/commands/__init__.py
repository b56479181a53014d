"""The sub-commands of proxy-gen, one module each; ``command`` is the click command."""
