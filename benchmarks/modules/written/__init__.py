"""User modules, each written after the behavior of modules in other public projects."""
