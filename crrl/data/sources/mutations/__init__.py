"""The `mutations` source: real Python code with one realistic bug, and the tests that notice it (docs/mutations.md)."""
