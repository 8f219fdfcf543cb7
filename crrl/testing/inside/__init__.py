"""What runs beside the answer, in the sandbox: nothing of it is imported here; `crrl.testing.harness` sends it as one text.

The files are modules for the sake of the type checker and of readers. In the sandbox they are joined, share one namespace, and
see builtins of their own (`origin.py` is first), so that an answer that replaces `builtins.len` does not reach them. They
import the standard library only.
"""
