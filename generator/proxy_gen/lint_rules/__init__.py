"""The rules of ``proxy-gen lint``, one module per family; each has ``check(subject)``."""
