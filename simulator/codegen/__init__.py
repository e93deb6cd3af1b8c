"""From a network to machine code: equations, derivatives, compilation, initial values."""

from .kernel import Kernel, compile_network

__all__ = ["Kernel", "compile_network"]
