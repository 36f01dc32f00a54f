"""Checks of compiled code against references that know nothing of the compiler."""
